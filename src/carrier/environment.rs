//! Environment variables: from a process to those that it starts.

use std::ffi::OsString;

use opentelemetry::propagation::Injector;

use crate::carrier::ascii_line::line_text;
use crate::carrier::trace_data::TraceData;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// The variables and the headers that they stand for: Sentry's
/// ([Trace Propagation, environment variables](https://develop.sentry.dev/sdk/foundations/trace-propagation/)),
/// then OTel's
/// ([environment carriers](https://opentelemetry.io/docs/specs/otel/context/env-carriers/)). If two
/// stand for one header, the first that is set counts.
const VARIABLES: [(&str, &str); 5] = [
    ("SENTRY_TRACE", SENTRY_TRACE_HEADER),
    ("SENTRY_BAGGAGE", BAGGAGE_HEADER),
    ("TRACEPARENT", TRACEPARENT_HEADER),
    ("TRACESTATE", TRACESTATE_HEADER),
    ("BAGGAGE", BAGGAGE_HEADER),
];

/// The variable that turns reading off, and how Sentry's SDKs spell that, in any case.
const USE_ENVIRONMENT: &str = "SENTRY_USE_ENVIRONMENT";
const OFF: [&str; 6] = ["false", "0", "n", "no", "off", "f"];

impl TraceData {
    /// The trace headers that the parent process passed in environment variables: Sentry's
    /// `SENTRY_TRACE` and `SENTRY_BAGGAGE`, and OTel's `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`,
    /// for a propagator that reads those.
    ///
    /// `BAGGAGE` is read only if `SENTRY_BAGGAGE` is not set: both may not belong to one trace. If
    /// both `SENTRY_TRACE` and `TRACEPARENT` are set the propagator chooses, as it does for
    /// headers.
    ///
    /// Read it at startup. It is empty if `SENTRY_USE_ENVIRONMENT` is `false`, `0`, `n`, `no`,
    /// `off` or `f`, and on a target without an environment. An empty variable counts as unset. If
    /// the trace is not valid, the propagator starts a new one. Bytes outside ASCII are
    /// percent-encoded, as in [`MessageExtractor`](crate::MessageExtractor).
    ///
    /// ```
    /// use opentelemetry_sentry::{continue_trace, Sentry, TraceData};
    ///
    /// let sentry = Sentry::builder().traces_sample_rate(0.2).build()?;
    /// let cx = continue_trace(&sentry.propagator(), &TraceData::from_env());
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn from_env() -> Self {
        let is_off = |switch: OsString| OFF.iter().any(|off| switch.eq_ignore_ascii_case(off));
        if std::env::var_os(USE_ENVIRONMENT).is_some_and(is_off) {
            return TraceData::default();
        }
        let mut data = TraceData::default();
        for (name, header) in VARIABLES {
            let value = std::env::var_os(name).unwrap_or_default();
            if !value.is_empty() && data.get(header).is_none() {
                data.set(header, line_text(header, value.as_encoded_bytes()).into_owned());
            }
        }
        data
    }

    /// Sentry's and OTel's variables for a child process that continues the trace. Pass them to
    /// `Command::envs` of std or tokio.
    ///
    /// The list always has all variables, some of them empty: a child inherits its parent's
    /// variables, which belong to an older trace. `TRACEPARENT` and `TRACESTATE` have a value only
    /// if the propagator writes them.
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
    pub fn to_env(&self) -> [(&'static str, &str); 5] {
        VARIABLES.map(|(name, header)| (name, self.get(header).unwrap_or_default()))
    }
}
