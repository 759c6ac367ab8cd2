//! From options and environment variables to settings; every bad one is an error.

use std::sync::Arc;

use crate::sampling::rate::SampleRate;
use crate::settings::dsn::{is_org_id, Dsn};
use crate::settings::sentry::{Sentry, Settings, Warnings};
use crate::settings::setting::{ConfigError, Reason, Setting, Source};
use crate::settings::targets::{PropagationTargets, Target};
use crate::settings::traces_sampler::{SamplingContext, TracesSampler};
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::head::HeadTemplate;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// The longest release and environment, in bytes: even percent-encoded, the head's whole DSC fits
/// into W3C Baggage's 8192.
const MAX_TEXT_BYTES: usize = 1000;

/// The environment where none is set, as in Sentry's SDKs.
pub(crate) const DEFAULT_ENVIRONMENT: &str = "production";

/// Makes [`Sentry`] settings. The options have the names they have in Sentry's SDKs.
#[derive(Clone, Default)]
#[must_use = "settings do nothing before `build`"]
pub struct SentryBuilder {
    env: bool,
    dsn: Option<String>,
    release: Option<String>,
    environment: Option<String>,
    org_id: Option<String>,
    traces_sample_rate: Option<f64>,
    traces_sampler: Option<TracesSampler>,
    targets: Option<PropagationTargets>,
    strict_trace_continuation: Option<bool>,
    propagate_traceparent: Option<bool>,
    deny_unknown_urls: bool,
    prefer_traceparent: bool,
    rewrite_tracestate: bool,
}

impl Sentry {
    /// Starts with no option set; no environment variable is read.
    pub fn builder() -> SentryBuilder {
        SentryBuilder::default()
    }

    /// `Sentry::builder().env().build()`.
    ///
    /// # Errors
    ///
    /// Those of [`SentryBuilder::build`].
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder().env().build()
    }
}

/// No option set: continues and forwards traces, starts none of its own towards Sentry.
impl Default for Sentry {
    fn default() -> Self {
        SentryBuilder::default().assemble(None, None)
    }
}

impl SentryBuilder {
    /// The project's [DSN](Dsn). Without one a trace that starts here sends no `sentry-*` baggage,
    /// and requests to Sentry itself are not recognised.
    pub fn dsn(mut self, dsn: impl Into<String>) -> Self {
        self.dsn = Some(dsn.into());
        self
    }

    /// This service's release, of 1 to 1000 bytes.
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// This service's environment, of 1 to 1000 bytes; `production` where none is set.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// The organisation's id, 1 to 20 decimal digits; else the one in the DSN's host.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// The share of traces to record, in `[0,1]`, where the caller has not decided.
    ///
    /// 0 is a decision, and is sent as one. With neither this nor a
    /// [`traces_sampler`](Self::traces_sampler) nothing is recorded, and no decision is taken.
    pub fn traces_sample_rate(mut self, rate: f64) -> Self {
        self.traces_sample_rate = Some(rate);
        self
    }

    /// A function from what is known at the start of a trace's first span here to the trace's
    /// sample rate, in `[0,1]`. It wins over [`traces_sample_rate`](Self::traces_sample_rate) and
    /// over the caller's decision.
    ///
    /// Any other number counts as 0, with one warning.
    ///
    /// ```
    /// # use opentelemetry_sentry::Sentry;
    /// Sentry::builder().traces_sampler(|ctx| match ctx.name() {
    ///     "GET /healthz" => 0.0,
    ///     _ => ctx.inherit_or_sample_with(0.2),
    /// });
    /// ```
    pub fn traces_sampler(
        mut self,
        sampler: impl Fn(&SamplingContext<'_>) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.traces_sampler = Some(TracesSampler::new(sampler));
        self
    }

    /// The destinations that get trace headers: texts that the URL contains, or regular
    /// expressions that match it (feature `regex`). None in an empty list; every one where
    /// nothing is set.
    pub fn trace_propagation_targets(
        mut self,
        targets: impl IntoIterator<Item = impl Into<Target>>,
    ) -> Self {
        self.targets = Some(PropagationTargets::new(targets));
        self
    }

    /// Whether a trace is refused, too, where only one side's organisation is known. Where both
    /// are and differ it always is.
    pub fn strict_trace_continuation(mut self, strict: bool) -> Self {
        self.strict_trace_continuation = Some(strict);
        self
    }

    /// Whether to write W3C's `traceparent` beside `sentry-trace`.
    pub fn propagate_traceparent(mut self, propagate: bool) -> Self {
        self.propagate_traceparent = Some(propagate);
        self
    }

    /// Whether a request whose URL is not known gets no trace headers. Off, as in Sentry's SDKs.
    pub fn deny_unknown_urls(mut self, deny: bool) -> Self {
        self.deny_unknown_urls = deny;
        self
    }

    /// Whether a `traceparent` of another trace, or another span, wins over `sentry-trace`.
    pub fn prefer_traceparent(mut self, prefer: bool) -> Self {
        self.prefer_traceparent = prefer;
        self
    }

    /// Whether to write `tracestate` again without our members, for a list of propagators in
    /// which a W3C propagator stands before this one. Alone, this propagator would write the header
    /// to every host.
    pub fn rewrite_tracestate(mut self, rewrite: bool) -> Self {
        self.rewrite_tracestate = rewrite;
        self
    }

    /// Fills what no option sets from `SENTRY_DSN`, `SENTRY_RELEASE`, `SENTRY_ENVIRONMENT`,
    /// `SENTRY_TRACES_SAMPLE_RATE`, `SENTRY_ORG_ID`, `SENTRY_STRICT_TRACE_CONTINUATION`,
    /// `SENTRY_TRACE_PROPAGATION_TARGETS` (comma separated) and `SENTRY_PROPAGATE_TRACEPARENT`.
    ///
    /// An empty variable counts as not set, but for the targets, where it means none. They are
    /// read by [`build`](Self::build), wherever in the chain this stands.
    pub fn env(mut self) -> Self {
        self.env = true;
        self
    }

    /// The settings, checked.
    ///
    /// # Errors
    ///
    /// - `dsn("sentry.io/42")` - no [`Dsn`]
    /// - `traces_sample_rate(1.5)`, `1e-16`, `NaN` - no [`SampleRate`]
    /// - `release("")`, `environment("a\n")` - empty, longer than 1000 bytes, or with a control
    ///   character
    /// - `org_id("")`, `org_id("o1")` - not 1 to 20 decimal digits
    /// - `trace_propagation_targets([""])` - a text that every URL contains
    /// - `SENTRY_STRICT_TRACE_CONTINUATION=1` - a variable that is not `true` or `false`, no
    ///   number, or not UTF-8
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

    /// A variable that is not empty, where the environment is asked for.
    fn variable(&self, setting: Setting) -> Result<Option<String>, ConfigError> {
        let value = if self.env { setting.read()? } else { None };
        Ok(value.filter(|value| !value.is_empty()))
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
        if self.targets.is_none() && self.env {
            source = Source::Environment;
            self.targets = setting.read()?.map(|list| match list.as_str() {
                "" => PropagationTargets::new([""; 0]),
                list => PropagationTargets::new(list.split(',').map(str::trim)),
            });
        }
        match self.targets.as_ref().and_then(PropagationTargets::empty_target) {
            Some(place) => Err(source.error(setting, Reason::EmptyTarget(place))),
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

/// Shows which options are set in code, not what to: among them is the DSN's key.
impl std::fmt::Debug for SentryBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentryBuilder")
            .field("env", &self.env)
            .field("dsn", &self.dsn.is_some())
            .field("traces_sample_rate", &self.traces_sample_rate)
            .field("traces_sampler", &self.traces_sampler)
            .finish_non_exhaustive()
    }
}
