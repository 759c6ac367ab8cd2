//! Environment variables: from a process to those that it starts.

use crate::carrier::trace_data::TraceData;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;

/// The variables and the headers that they stand for
/// ([Trace Propagation, environment variables](https://develop.sentry.dev/sdk/foundations/trace-propagation/)).
const VARIABLES: [(&str, &str); 2] =
    [("SENTRY_TRACE", SENTRY_TRACE_HEADER), ("SENTRY_BAGGAGE", BAGGAGE_HEADER)];

/// The variable that turns reading off, and how Sentry's SDKs spell that, in any case.
const USE_ENVIRONMENT: &str = "SENTRY_USE_ENVIRONMENT";
const OFF: [&str; 6] = ["false", "0", "n", "no", "off", "f"];

impl TraceData {
    /// What the process that started this one says, in `SENTRY_TRACE` and `SENTRY_BAGGAGE`.
    ///
    /// Read it at start-up. There is nothing in it where `SENTRY_USE_ENVIRONMENT` is `false`, `0`,
    /// `n`, `no`, `off` or `f`. A variable that is empty or not UTF-8 counts as not set; of what is
    /// no valid trace the propagator makes a new one, as it does for headers.
    ///
    /// ```
    /// use opentelemetry_sentry::{continue_trace, Sentry, TraceData};
    ///
    /// let sentry = Sentry::builder().traces_sample_rate(0.2).build()?;
    /// let cx = continue_trace(&sentry.propagator(), &TraceData::from_env());
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_off = |switch: String| OFF.iter().any(|off| switch.eq_ignore_ascii_case(off));
        if variable(USE_ENVIRONMENT).is_some_and(is_off) {
            return TraceData::default();
        }
        let headers = VARIABLES.into_iter();
        headers.filter_map(|(name, header)| Some((header, variable(name)?))).collect()
    }

    /// The variables for a process that is to continue the trace: `SENTRY_TRACE` and
    /// `SENTRY_BAGGAGE`, for `Command::envs` of std and of tokio.
    ///
    /// Both are always there, empty where there is nothing to send: a process inherits the
    /// variables of the one that starts it, and those are of an older trace.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// use opentelemetry::Context;
    /// use opentelemetry_sentry::{trace_data, SentryPropagator};
    ///
    /// let data = trace_data(&SentryPropagator::new(), &Context::current());
    /// let mut resize = Command::new("resize-images");
    /// resize.envs(data.to_env());
    /// ```
    pub fn to_env(&self) -> [(&'static str, &str); 2] {
        VARIABLES.map(|(name, header)| (name, self.get(header).unwrap_or_default()))
    }
}
