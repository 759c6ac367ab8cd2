//! The app of Sentry's documentation: trace headers go to its API, to its media server, and to
//! paths that an expression matches.
//!
//! ```sh
//! cargo run --example mobile_backend --features regex
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{trace_data, OutgoingUrlExt, Sentry, Target};
use regex::Regex;

/// The URLs that the app calls, and whether they get trace headers. A client with a base URL of its
/// own knows only the path.
const CALLS: [(&str, bool); 9] = [
    ("https://api.myapp.com/users/me", true),
    ("https://api.myapp.com/feed?after=42", true),
    ("https://media.myapp.com/upload", true),
    ("/local-api/profile", true),
    ("/local-api/", true),
    ("/local-api", false),
    ("/other/local-api/profile", false),
    ("https://elsewhere.example/local-api/profile", false),
    ("https://maps.example/tiles/1/2/3.png", false),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mobile_backend: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
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

    let mut stdout = io::stdout();
    writeln!(stdout, "trace {}", cx.span().span_context().trace_id())?;
    for (url, expected) in CALLS {
        let data = trace_data(&sentry.propagator(), &cx.with_outgoing_url(url));
        let propagated = !data.is_empty();
        writeln!(stdout, "{:14} {url}", if propagated { "propagated" } else { "not propagated" })?;
        assert_eq!(propagated, expected, "{url}");
    }
    Ok(())
}
