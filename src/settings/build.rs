//! Turns options and environment variables into settings; every bad one is an error.

use std::mem;
use std::sync::Arc;

use crate::sampling::rate::SampleRate;
use crate::settings::builder::SentryBuilder;
use crate::settings::config_error::ConfigError;
use crate::settings::dsn::{is_org_id, Dsn};
use crate::settings::sentry::{Sentry, Settings};
use crate::settings::targets::PropagationTargets;
use crate::settings::variables::TARGETS;
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

/// No option set: continues and forwards traces, and sends only `sentry-trace` for those that start
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
        let variables = mem::take(&mut self.variables);
        let dsn = variables.fill("dsn", self.dsn.take(), Ok, |text| text.parse::<Dsn>())?;
        self.release = variables.fill("release", self.release.take(), Ok, text)?;
        self.environment = variables.fill("environment", self.environment.take(), Ok, text)?;
        self.org_id = variables.fill("org_id", self.org_id.take(), Ok, org_id)?;
        let rate = self.traces_sample_rate;
        let rate = variables.fill("traces_sample_rate", rate, number, SampleRate::new)?;
        let strict = self.strict_trace_continuation;
        self.strict_trace_continuation =
            variables.fill("strict_trace_continuation", strict, boolean, Ok::<_, &str>)?;
        let propagate = self.propagate_traceparent;
        self.propagate_traceparent =
            variables.fill("propagate_traceparent", propagate, boolean, Ok::<_, &str>)?;
        let parse = |list: String| Ok(PropagationTargets::parse(&list));
        self.targets = variables.fill(TARGETS, self.targets.take(), parse, usable)?;
        Ok(self.assemble(dsn, rate))
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

fn number(text: String) -> Result<f64, &'static str> {
    text.parse().map_err(|_| "not a number")
}

fn boolean(text: String) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "neither `true` nor `false`")
}

/// A release or an environment.
fn text(text: String) -> Result<String, String> {
    if text.is_empty() {
        Err("empty".to_owned())
    } else if text.len() > MAX_TEXT_BYTES {
        Err(format!("longer than {MAX_TEXT_BYTES} bytes"))
    } else if text.chars().any(char::is_control) {
        Err("holds a control character".to_owned())
    } else {
        Ok(text)
    }
}

fn org_id(id: String) -> Result<String, &'static str> {
    is_org_id(&id).then_some(id).ok_or("not 1 to 20 decimal digits")
}

fn usable(targets: PropagationTargets) -> Result<PropagationTargets, String> {
    targets.unusable().map_or(Ok(targets), Err)
}
