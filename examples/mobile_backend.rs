//! The app of Sentry's documentation: trace headers go to its API, to its media server, and to
//! paths that an expression matches.
//!
//! ```sh
//! cargo run --example mobile_backend --features regex
//! ```

#[path = "common/exit.rs"]
mod exit;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{trace_data, OutgoingUrlExt, Sentry, Target};
use regex::Regex;

/// The URLs that the app calls, and why one gets no trace headers. A client with a base URL of its own
/// knows only the path.
const CALLS: [(&str, Option<&str>); 9] = [
    ("https://api.myapp.com/users/me", None),
    ("https://api.myapp.com/feed?after=42", None),
    ("https://media.myapp.com/upload", None),
    ("/local-api/profile", None),
    ("/local-api/", None),
    ("/local-api", Some("no / at the end")),
    ("/other/local-api/profile", Some("does not begin with /local-api/")),
    ("https://elsewhere.example/local-api/profile", Some("does not begin with /local-api/")),
    ("https://maps.example/tiles/1/2/3.png", Some("another company")),
];

fn main() -> ExitCode {
    exit::code("mobile_backend", run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "Shows: trace headers go to two hosts and to paths that match ^/local-api/\n"
    )?;
    let sentry = Sentry::builder()
        .dsn("https://key@o1.ingest.sentry.io/42")
        .release("app-backend@2.0.0")
        .traces_sample_rate(1.0)
        .trace_propagation_targets([
            Target::from("https://api.myapp.com"),
            Target::from("https://media.myapp.com"),
            Target::from(Regex::new("^/local-api/")?),
        ])
        .build()?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let cx = Context::new().with_span(provider.tracer("app").start("GET /home"));
    for (url, why_not) in CALLS {
        let data = trace_data(&sentry.propagator(), &cx.with_outgoing_url(url));
        let gets = if data.is_empty() { "no headers" } else { "trace headers" };
        let why = why_not.map_or(String::new(), |why| format!("  ({why})"));
        writeln!(stdout, "{gets:13}  {url}{why}")?;
        if data.is_empty() != why_not.is_some() {
            return Err(format!("{url} must not get that: {gets}").into());
        }
    }
    let none = CALLS.iter().filter(|(_, why_not)| why_not.is_some()).count();
    writeln!(stdout, "\nHeld: {} URLs get trace headers, {none} get none", CALLS.len() - none)?;
    Ok(())
}
