//! From options and environment variables to settings; every bad one is an error.

use std::sync::Arc;

use crate::sampling::rate::SampleRate;
use crate::settings::builder::SentryBuilder;
use crate::settings::dsn::{is_org_id, Dsn};
use crate::settings::sentry::{Sentry, Settings};
use crate::settings::setting::{ConfigError, Reason, Setting, Source};
use crate::settings::targets::PropagationTargets;
use crate::settings::warning::Warnings;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::head::HeadTemplate;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// The longest release and environment, in bytes. Even percent-encoded, a head's whole DSC then
/// fits into W3C Baggage's 8192.
const MAX_TEXT_BYTES: usize = 1000;

/// The default environment of Sentry's SDKs.
pub(crate) const DEFAULT_ENVIRONMENT: &str = "production";

/// No option set: continues and forwards traces, and sends `sentry-trace` alone for those that start
/// here.
impl Default for Sentry {
    fn default() -> Self {
        SentryBuilder::default().assemble(None, None)
    }
}

impl SentryBuilder {
    /// Validates the options and returns the settings.
    ///
    /// # Errors
    ///
    /// - `dsn("sentry.io/42")` - not a [`Dsn`]
    /// - `traces_sample_rate(1.5)`, `1e-16`, `NaN` - not a [`SampleRate`]
    /// - `release("")`, `environment("a\n")` - empty, longer than 1000 bytes, or with a control
    ///   character
    /// - `org_id("")`, `org_id("o1")` - not 1 to 20 decimal digits
    /// - `trace_propagation_targets([""])` - a text that every URL contains
    /// - `Target::origin("api.example")`, `Target::origin("https://api.example/cart")` - not just a
    ///   scheme, a host and an optional port
    /// - `SENTRY_STRICT_TRACE_CONTINUATION=1` - a variable that is not `true` or `false`, not
    ///   a number, or not UTF-8
    pub fn build(mut self) -> Result<Sentry, ConfigError> {
        let dsn = self.take(
            Setting::Dsn,
            |builder| builder.dsn.take(),
            |text| text.parse::<Dsn>().map_err(Reason::Dsn),
        )?;
        self.release = self.take(Setting::Release, |builder| builder.release.take(), text)?;
        self.environment =
            self.take(Setting::Environment, |builder| builder.environment.take(), text)?;
        self.org_id = self.take(
            Setting::OrgId,
            |builder| builder.org_id.take(),
            |id| {
                if is_org_id(&id) {
                    Ok(id)
                } else {
                    Err(Reason::OrgId)
                }
            },
        )?;
        let traces_sample_rate = self.sample_rate()?;
        self.strict_trace_continuation =
            self.flag(Setting::StrictTraceContinuation, self.strict_trace_continuation)?;
        self.propagate_traceparent =
            self.flag(Setting::PropagateTraceparent, self.propagate_traceparent)?;
        self.check_targets()?;
        Ok(self.assemble(dsn, traces_sample_rate))
    }

    /// A text option, else its variable, read as what it means.
    fn take<T>(
        &mut self,
        setting: Setting,
        option: impl FnOnce(&mut Self) -> Option<String>,
        read: impl FnOnce(String) -> Result<T, Reason>,
    ) -> Result<Option<T>, ConfigError> {
        let (source, value) = match option(self) {
            Some(value) => (Source::Code, Some(value)),
            None => (Source::Environment, self.variable(setting)?),
        };
        value.map(read).transpose().map_err(|reason| source.error(setting, reason))
    }

    /// A variable that is not empty, if the environment is read.
    fn variable(&self, setting: Setting) -> Result<Option<String>, ConfigError> {
        Ok(self.read(setting)?.filter(|value| !value.is_empty()))
    }

    /// A variable's value; an empty one is there.
    fn read(&self, setting: Setting) -> Result<Option<String>, ConfigError> {
        match self.given.iter().find(|(given, _)| *given == setting) {
            Some((_, value)) => Ok(Some(value.clone())),
            None if self.env => setting.read(),
            None => Ok(None),
        }
    }

    fn sample_rate(&self) -> Result<Option<SampleRate>, ConfigError> {
        let setting = Setting::TracesSampleRate;
        let (source, rate) = match self.traces_sample_rate {
            Some(rate) => (Source::Code, Some(rate)),
            None => {
                let not_a_number = |_| Source::Environment.error(setting, Reason::NotANumber);
                let text = self.variable(setting)?;
                let rate = text.map(|text| text.parse()).transpose().map_err(not_a_number)?;
                (Source::Environment, rate)
            }
        };
        let error = |error| source.error(setting, Reason::SampleRate(error));
        rate.map(SampleRate::new).transpose().map_err(error)
    }

    fn flag(&self, setting: Setting, option: Option<bool>) -> Result<Option<bool>, ConfigError> {
        if option.is_some() {
            return Ok(option);
        }
        let not_a_boolean = |_| Source::Environment.error(setting, Reason::NotABoolean);
        self.variable(setting)?.map(|text| text.parse()).transpose().map_err(not_a_boolean)
    }

    fn check_targets(&mut self) -> Result<(), ConfigError> {
        let setting = Setting::TracePropagationTargets;
        let mut source = Source::Code;
        if self.targets.is_none() {
            source = Source::Environment;
            self.targets = self.read(setting)?.map(|list| match list.as_str() {
                "" => PropagationTargets::new([""; 0]),
                list => PropagationTargets::new(list.split(',').map(str::trim)),
            });
        }
        match self.targets.as_ref().and_then(PropagationTargets::unusable) {
            Some((place, fault)) => Err(source.error(setting, Reason::Target(place, fault))),
            None => Ok(()),
        }
    }

    fn assemble(self, dsn: Option<Dsn>, traces_sample_rate: Option<SampleRate>) -> Sentry {
        let environment = self.environment.as_deref().unwrap_or(DEFAULT_ENVIRONMENT);
        let dsn_org_id = || dsn.as_ref()?.org_id().map(str::to_owned);
        let org_id = self.org_id.or_else(dsn_org_id);
        let head = dsn.as_ref().map(|dsn| {
            let (key, release) = (dsn.public_key(), self.release.as_deref());
            HeadTemplate::new(key, release, environment, org_id.as_deref())
        });
        let propagate_traceparent = self.propagate_traceparent.unwrap_or(false);
        let fields = [
            (SENTRY_TRACE_HEADER, true),
            (BAGGAGE_HEADER, true),
            (TRACEPARENT_HEADER, propagate_traceparent),
            (TRACESTATE_HEADER, self.rewrite_tracestate),
        ];
        let written = fields.into_iter().filter(|(_, written)| *written);
        Sentry {
            settings: Arc::new(Settings {
                head,
                fields: written.map(|(name, _)| name.to_owned()).collect(),
                dsn,
                release: self.release,
                environment: self.environment,
                org_id,
                traces_sample_rate,
                traces_sampler: self.traces_sampler,
                targets: self.targets.unwrap_or_default(),
                deny_unknown_urls: self.deny_unknown_urls,
                strict_trace_continuation: self.strict_trace_continuation.unwrap_or(false),
                propagate_traceparent,
                prefer_traceparent: self.prefer_traceparent,
                rewrite_tracestate: self.rewrite_tracestate,
                warnings: Warnings::default(),
            }),
        }
    }
}

/// A release or an environment.
fn text(text: String) -> Result<String, Reason> {
    if text.is_empty() {
        Err(Reason::Empty)
    } else if text.len() > MAX_TEXT_BYTES {
        Err(Reason::TooLong(MAX_TEXT_BYTES))
    } else if text.chars().any(char::is_control) {
        Err(Reason::ControlCharacter)
    } else {
        Ok(text)
    }
}
