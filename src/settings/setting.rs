//! The settings' names, in code and in the environment, and what can be wrong with one.

use std::fmt;

use crate::sampling::rate::InvalidSampleRate;
use crate::settings::dsn::InvalidDsn;
use crate::settings::target::Unusable;

/// A setting that the environment can fill.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Dsn,
    Release,
    Environment,
    TracesSampleRate,
    OrgId,
    StrictTraceContinuation,
    TracePropagationTargets,
    PropagateTraceparent,
}

impl Setting {
    pub(crate) const ALL: [Setting; 8] = [
        Setting::Dsn,
        Setting::Release,
        Setting::Environment,
        Setting::TracesSampleRate,
        Setting::OrgId,
        Setting::StrictTraceContinuation,
        Setting::TracePropagationTargets,
        Setting::PropagateTraceparent,
    ];

    pub(crate) fn variable(self) -> &'static str {
        self.names().1
    }

    /// The option's name in code, and its variable.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Setting::Dsn => ("dsn", "SENTRY_DSN"),
            Setting::Release => ("release", "SENTRY_RELEASE"),
            Setting::Environment => ("environment", "SENTRY_ENVIRONMENT"),
            Setting::TracesSampleRate => ("traces_sample_rate", "SENTRY_TRACES_SAMPLE_RATE"),
            Setting::OrgId => ("org_id", "SENTRY_ORG_ID"),
            Setting::StrictTraceContinuation => {
                ("strict_trace_continuation", "SENTRY_STRICT_TRACE_CONTINUATION")
            }
            Setting::TracePropagationTargets => {
                ("trace_propagation_targets", "SENTRY_TRACE_PROPAGATION_TARGETS")
            }
            Setting::PropagateTraceparent => {
                ("propagate_traceparent", "SENTRY_PROPAGATE_TRACEPARENT")
            }
        }
    }

    /// The variable's value; an empty one is there.
    pub(crate) fn read(self) -> Result<Option<String>, ConfigError> {
        match std::env::var_os(self.names().1).map(|value| value.into_string()) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Source::Environment.error(self, Reason::NotUtf8)),
        }
    }
}

/// Where a setting's value stood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Code,
    Environment,
}

impl Source {
    pub(crate) fn error(self, setting: Setting, reason: Reason) -> ConfigError {
        ConfigError { setting, source: self, reason }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Dsn(InvalidDsn),
    SampleRate(InvalidSampleRate),
    NotANumber,
    NotABoolean,
    NotUtf8,
    Empty,
    TooLong(usize),
    ControlCharacter,
    OrgId,
    Target(usize, Unusable),
}

/// Why settings are invalid: which one, and what is wrong. The message never repeats a value.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: Setting,
    source: Source,
    reason: Reason,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (option, variable) = self.setting.names();
        f.write_str(if self.source == Source::Code { option } else { variable })?;
        f.write_str(": ")?;
        match &self.reason {
            Reason::Dsn(error) => error.fmt(f),
            Reason::SampleRate(error) => error.fmt(f),
            Reason::NotANumber => f.write_str("not a number"),
            Reason::NotABoolean => f.write_str("neither `true` nor `false`"),
            Reason::NotUtf8 => f.write_str("not valid UTF-8"),
            Reason::Empty => f.write_str("empty"),
            Reason::TooLong(limit) => write!(f, "longer than {limit} bytes"),
            Reason::ControlCharacter => f.write_str("holds a control character"),
            Reason::OrgId => f.write_str("not 1 to 20 decimal digits"),
            Reason::Target(place, Unusable::Empty) => {
                write!(f, "target {place} is empty and would match every URL")
            }
            Reason::Target(place, Unusable::NotAnOrigin) => {
                write!(
                    f,
                    "target {place} is not an origin: a scheme, `://`, a host, and perhaps a port"
                )
            }
        }
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigError({:?})", self.to_string())
    }
}

impl std::error::Error for ConfigError {}
