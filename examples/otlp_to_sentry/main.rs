//! Exports the spans of two services in one trace to Sentry, with `Sentry::span_exporter`.
//!
//! They go to the project of `SENTRY_DSN` if it is set, else to a loopback server that checks and
//! prints what arrives.
//!
//! ```sh
//! cargo run --example otlp_to_sentry --features otlp
//! SENTRY_DSN=https://..@o1.ingest.sentry.io/42 cargo run --example otlp_to_sentry --features otlp
//! ```

#[path = "../common/exit.rs"]
mod exit;
// They read more than this program uses.
#[allow(dead_code)]
mod endpoint;
#[allow(dead_code)]
mod protobuf;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use endpoint::{Endpoint, Received};
use opentelemetry::trace::{SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Compression, WithHttpConfig};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, SentrySpanExporter};

const KEY: &str = "49d0f7386ad645858ae85020e393bef3";

fn main() -> ExitCode {
    exit::code("otlp_to_sentry", run())
}

fn run() -> Result<(), Box<dyn Error>> {
    writeln!(io::stdout(), "Shows: two services in one trace, exported to Sentry by OTLP\n")?;
    let builder = || {
        let builder = Sentry::builder().release("shop@1.2.3").environment("staging");
        builder.traces_sample_rate(1.0)
    };
    let from_env = builder().env().build()?;
    if from_env.dsn().is_some() {
        let trace_id = shop_and_checkout(&from_env, || Ok(from_env.span_exporter()?))?;
        writeln!(
            io::stdout(),
            "Sent to the project of SENTRY_DSN; look there for trace {trace_id}"
        )?;
        return Ok(());
    }

    // Use no proxy for a server on this machine.
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let endpoint = Endpoint::start()?;
    let sentry = builder().dsn(endpoint.dsn(KEY)).build()?;

    let trace_id = shop_and_checkout(&sentry, || Ok(sentry.span_exporter()?))?;
    let received = endpoint.take();
    print("1. To Sentry, as `span_exporter` does it", &received)?;
    check_sentry(&received, trace_id)?;
    ensure(received.iter().all(|request| !request.gzip), "compressed without being asked to")?;
    let has_member = |span: &protobuf::Span| span.trace_state.contains("sentry=");
    ensure(spans(&received).all(has_member), "a span has lost its trace state")?;

    // Compressed, and without this crate's member of the trace state.
    let trace_id = shop_and_checkout(&sentry, || {
        let builder = sentry.span_exporter_builder()?.with_compression(Compression::Gzip);
        Ok(SentrySpanExporter::new(&sentry, builder.build()?).strip_tracestate(true))
    })?;
    let received = endpoint.take();
    print(
        "2. To Sentry, compressed, and without this crate's member of the trace state",
        &received,
    )?;
    check_sentry(&received, trace_id)?;
    ensure(received.iter().all(|request| request.gzip), "not compressed")?;
    let has_member = |span: &protobuf::Span| span.trace_state.contains("sentry");
    ensure(!spans(&received).any(has_member), "a span has this crate's member")?;

    // A Collector receives nothing of the DSN.
    let collector = endpoint.collector_url();
    let trace_id = shop_and_checkout(&sentry, || Ok(sentry.span_exporter_to(&collector)?))?;
    let received = endpoint.take();
    print("3. To a Collector", &received)?;
    ensure(spans(&received).count() == 3, "the Collector has not got three spans")?;
    let is_keyless = received.iter().all(|r| r.path == "/v1/traces" && r.auth.is_none());
    ensure(is_keyless, "the Collector got the key of the DSN")?;
    let is_ours = |span: &protobuf::Span| span.trace_id == trace_id.to_string();
    ensure(spans(&received).all(is_ours), "a span is of another trace")?;
    let held = "each time three spans of one trace arrive, with what Sentry reads of them";
    writeln!(io::stdout(), "Held: {held}")?;
    Ok(())
}

/// A request to the shop, which calls the checkout. Each service exports its own spans.
fn shop_and_checkout<E: SpanExporter + 'static>(
    sentry: &Sentry,
    exporter: impl Fn() -> Result<E, Box<dyn Error>>,
) -> Result<TraceId, Box<dyn Error>> {
    let provider = |service: &'static str| -> Result<SdkTracerProvider, Box<dyn Error>> {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attributes(sentry.resource_attributes())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_resource(resource)
            .with_batch_exporter(exporter()?);
        Ok(provider.build())
    };
    let (shop, checkout) = (provider("shop")?, provider("checkout")?);

    let server = start(&shop, SpanKind::Server, "GET /cart", &Context::new());
    let client = start(&shop, SpanKind::Client, "GET", &server);
    let headers = trace_data(&sentry.propagator(), &client);
    let incoming = continue_trace(&sentry.propagator(), &headers);
    let called = start(&checkout, SpanKind::Server, "GET /checkout", &incoming);
    for cx in [&called, &client, &server] {
        cx.span().end();
    }
    // Flush the span processors.
    shop.shutdown()?;
    checkout.shutdown()?;
    Ok(server.span().span_context().trace_id())
}

fn start(
    provider: &SdkTracerProvider,
    kind: SpanKind,
    name: &'static str,
    cx: &Context,
) -> Context {
    let tracer = provider.tracer("otlp_to_sentry");
    let route = name.split_once(' ').map(|(_, route)| KeyValue::new("http.route", route));
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes(route);
    cx.with_span(builder.start_with_context(&tracer, cx))
}

/// What Sentry's endpoint needs: path, key, one trace; and of each span its weight and origin.
fn check_sentry(received: &[Received], trace_id: TraceId) -> Result<(), Box<dyn Error>> {
    ensure(spans(received).count() == 3, "not two spans of the shop and one of the checkout")?;
    for request in received {
        ensure(request.path == "/api/42/integration/otlp/v1/traces/", "another path")?;
        let auth = format!("sentry sentry_key={KEY}");
        ensure(request.auth.as_deref() == Some(&*auth), "not the key of the DSN")?;
        let content_type = request.content_type.as_deref();
        ensure(content_type == Some("application/x-protobuf"), "another content type")?;
    }
    for span in spans(received) {
        ensure(span.trace_id == trace_id.to_string(), "a span is of another trace")?;
        ensure(span.trace_state.contains("ot=th:0"), "a span has no threshold")?;
        let of_resource = |name| span.resource.get(name).map(String::as_str);
        let environment = of_resource("deployment.environment.name");
        ensure(environment == Some("staging"), "a resource has no environment")?;
        ensure(of_resource("service.version") == Some("shop@1.2.3"), "a resource has no version")?;
        let of_span = |name| span.attributes.get(name).map(String::as_str);
        ensure(of_span("sentry.release") == Some("shop@1.2.3"), "a span has no release")?;
        ensure(of_span("sentry.environment") == Some("staging"), "a span has no environment")?;
        ensure(of_span("sentry.client_sample_rate") == Some("1"), "a span has no rate")?;
    }
    Ok(())
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), Box<dyn Error>> {
    holds.then_some(()).ok_or_else(|| otherwise.into())
}

fn spans(received: &[Received]) -> impl Iterator<Item = &protobuf::Span> {
    received.iter().flat_map(|request| &request.spans)
}

fn print(title: &str, received: &[Received]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{title}")?;
    for request in received {
        writeln!(stdout, "  POST {}", request.path)?;
        writeln!(stdout, "    x-sentry-auth: {}", request.auth.as_deref().unwrap_or("none"))?;
        writeln!(stdout, "    {}", if request.gzip { "gzip" } else { "not compressed" })?;
        for span in &request.spans {
            let service = span.resource.get("service.name").map_or("", String::as_str);
            writeln!(stdout, "    {service}: {}", span.name)?;
            writeln!(stdout, "      trace {}", span.trace_id)?;
            writeln!(stdout, "      trace state {}", span.trace_state)?;
            let mut added: Vec<_> = span.attributes.iter().collect();
            added.retain(|(name, _)| name.starts_with("sentry."));
            added.sort();
            let added: Vec<String> = added.iter().map(|(k, v)| format!("{k}={v}")).collect();
            writeln!(stdout, "      {}", added.join(" "))?;
        }
    }
    writeln!(stdout)
}
