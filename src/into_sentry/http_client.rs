//! The exporters' own blocking HTTP client.
//!
//! opentelemetry-otlp chooses a client by its features, and the async one first. Features unify over
//! a build: another crate can turn that one on, and the batch processor's thread, which has no
//! runtime, then panics at its first request.

use std::env;
use std::thread;
use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT,
};
use reqwest::blocking::Client;

/// A client whose requests end after the time that a signal's variable says, in milliseconds, else
/// `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 seconds.
pub(crate) fn blocking_client(timeout_variable: &str) -> Result<Client, ExporterBuildError> {
    let timeout = [timeout_variable, OTEL_EXPORTER_OTLP_TIMEOUT].into_iter().find_map(millis);
    let timeout = timeout.unwrap_or(OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT);
    // `reqwest` refuses to make a blocking client inside a runtime; a new thread has none.
    let made = thread::Builder::new().spawn(move || Client::builder().timeout(timeout).build());
    let made = made.map_err(|error| failure(&error))?;
    let made = made.join().map_err(|_| failure(&"its thread panicked"))?;
    made.map_err(|error| failure(&error))
}

/// As opentelemetry-otlp reads it: what is no number counts as not set.
fn millis(variable: &str) -> Option<Duration> {
    env::var(variable).ok()?.parse().ok().map(Duration::from_millis)
}

fn failure(reason: &dyn std::fmt::Display) -> ExporterBuildError {
    ExporterBuildError::InternalFailure(format!("HTTP client: {reason}"))
}
