//! The web shop of Sentry's documentation: trace headers go to its own two services only.
//!
//! ```sh
//! cargo run --example ecommerce
//! ```

#[path = "common/exit.rs"]
mod exit;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{trace_data, Sentry, SentryTrace, Target};

/// The URLs that a purchase calls, and why one gets no trace headers.
const CALLS: [(&str, Option<&str>); 10] = [
    ("https://api.myecommerce.com/products?page=2", None),
    ("https://api.myecommerce.com/cart", None),
    ("https://auth.myecommerce.com/login", None),
    ("https://auth.myecommerce.com:443/token", None),
    ("https://cdn.myecommerce.com/shoe.jpg", Some("another host")),
    ("https://myecommerce.com/", Some("another host")),
    ("https://api.myecommerce.com.attacker.example/", Some("another host")),
    ("http://api.myecommerce.com/cart", Some("not https")),
    ("https://payments.example/charge", Some("another company")),
    ("https://o1.ingest.sentry.io/api/42/envelope/", Some("Sentry itself")),
];

fn main() -> ExitCode {
    exit::code("ecommerce", run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "Shows: trace headers go to api. and auth.myecommerce.com, and nowhere else\n"
    )?;
    let sentry = Sentry::builder()
        .dsn("https://key@o1.ingest.sentry.io/42")
        .release("shop@1.2.3")
        .traces_sample_rate(1.0)
        .trace_propagation_targets([
            Target::origin("https://api.myecommerce.com"),
            Target::origin("https://auth.myecommerce.com"),
        ])
        .build()?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let tracer = provider.tracer("shop");
    let checkout = tracer
        .span_builder("POST /checkout")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("http.route", "/checkout")]);
    let checkout = Context::new().with_span(checkout.start_with_context(&tracer, &Context::new()));
    let trace_id = checkout.span().span_context().trace_id();

    for (url, why_not) in CALLS {
        // The sampler matches `url.full` against the targets when the span starts.
        let call = tracer
            .span_builder("GET")
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("url.full", url)]);
        let call = checkout.with_span(call.start_with_context(&tracer, &checkout));
        let data = trace_data(&sentry.propagator(), &call);
        let gets = if data.is_empty() { "no headers" } else { "trace headers" };
        let why = why_not.map_or(String::new(), |why| format!("  ({why})"));
        writeln!(stdout, "{gets:13}  {url}{why}")?;
        if data.is_empty() != why_not.is_some() {
            return Err(format!("{url} must not get that: {gets}").into());
        }
        if let Some(sentry_trace) = data.get("sentry-trace") {
            let sent: SentryTrace = sentry_trace.parse()?;
            let span_id = call.span().span_context().span_id();
            let baggage = data.get("baggage").unwrap_or_default();
            if sent.trace_id() != trace_id
                || sent.span_id() != span_id
                || !baggage.contains("sentry-transaction=POST%20%2Fcheckout")
            {
                return Err(format!("{url} gets another trace: {sentry_trace}, {baggage}").into());
            }
        }
    }
    let none = CALLS.iter().filter(|(_, why_not)| why_not.is_some()).count();
    let some = CALLS.len() - none;
    writeln!(stdout, "\nHeld: {some} URLs get the headers of one trace, {none} get none")?;
    Ok(())
}
