//! The web shop of Sentry's documentation: trace headers go to its own two services only.
//!
//! ```sh
//! cargo run --example ecommerce
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{trace_data, Sentry, SentryTrace};

/// The URLs that a purchase calls, and whether they get trace headers.
const CALLS: [(&str, bool); 9] = [
    ("https://api.myecommerce.com/products?page=2", true),
    ("https://api.myecommerce.com/cart", true),
    ("https://auth.myecommerce.com/login", true),
    ("https://auth.myecommerce.com:443/token", true),
    ("https://cdn.myecommerce.com/shoe.jpg", false),
    ("https://myecommerce.com/", false),
    ("http://api.myecommerce.com/cart", false),
    ("https://payments.example/charge", false),
    ("https://o1.ingest.sentry.io/api/42/envelope/", false),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ecommerce: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let sentry = Sentry::builder()
        .dsn("https://key@o1.ingest.sentry.io/42")
        .release("shop@1.2.3")
        .traces_sample_rate(1.0)
        .trace_propagation_targets(["https://api.myecommerce.com", "https://auth.myecommerce.com"])
        .build()?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let tracer = provider.tracer("shop");
    let checkout = tracer
        .span_builder("POST /checkout")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("http.route", "/checkout")]);
    let checkout = Context::new().with_span(checkout.start_with_context(&tracer, &Context::new()));
    let trace_id = checkout.span().span_context().trace_id();

    let mut stdout = io::stdout();
    writeln!(stdout, "trace {trace_id}")?;
    for (url, expected) in CALLS {
        // The sampler matches `url.full` against the targets when the span starts.
        let call = tracer
            .span_builder("GET")
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("url.full", url)]);
        let call = checkout.with_span(call.start_with_context(&tracer, &checkout));
        let data = trace_data(&sentry.propagator(), &call);
        let propagated = !data.is_empty();
        writeln!(stdout, "{:14} {url}", if propagated { "propagated" } else { "not propagated" })?;
        assert_eq!(propagated, expected, "{url}");
        if let Some(sentry_trace) = data.get("sentry-trace") {
            let sent: SentryTrace = sentry_trace.parse()?;
            assert_eq!(sent.trace_id(), trace_id);
            assert_eq!(sent.span_id(), call.span().span_context().span_id());
            let baggage = data.get("baggage").unwrap_or_default();
            assert!(baggage.contains("sentry-transaction=POST%20%2Fcheckout"), "{baggage}");
        }
    }
    Ok(())
}
