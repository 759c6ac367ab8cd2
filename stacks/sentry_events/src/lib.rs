//! Shared by the tests: a provider, and what a client of the `sentry` crate captured.

use opentelemetry::trace::{SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sentry::{OpenTelemetryIntegration, Sentry};
use sentry::protocol::{EnvelopeItem, Event, ItemContainer, Log, Metric};
use sentry::{ClientOptions, Envelope, Hub};

/// A tracer that records every trace. Its DSN differs from the client's.
pub fn tracer() -> SdkTracer {
    let sentry =
        Sentry::builder().dsn("https://ours@o1.ingest.sentry.io/42").traces_sample_rate(1.0);
    let sampler = sentry.build().expect("settings").sampler();
    SdkTracerProvider::builder().with_sampler(sampler).build().tracer("test")
}

/// A context with its own span.
pub fn span() -> Context {
    Context::new().with_span(tracer().start("GET /cart"))
}

/// Options of a client with the integration.
pub fn options() -> ClientOptions {
    ClientOptions::new().add_integration(OpenTelemetryIntegration::new())
}

/// The captured items of each kind.
#[derive(Default)]
pub struct Captured {
    pub events: Vec<Event<'static>>,
    pub logs: Vec<Log>,
    pub metrics: Vec<Metric>,
}

/// Returns the items captured while `f` runs.
pub fn captured(options: ClientOptions, f: impl FnOnce()) -> Captured {
    let run = || {
        f();
        // Logs and metrics are sent in batches.
        Hub::current().client().expect("a client").flush(None);
    };
    let mut captured = Captured::default();
    for envelope in sentry::test::with_captured_envelopes_options(run, options) {
        sort(envelope, &mut captured);
    }
    captured
}

fn sort(envelope: Envelope, captured: &mut Captured) {
    for item in envelope.into_items() {
        match item {
            EnvelopeItem::Event(event) => captured.events.push(*event),
            EnvelopeItem::ItemContainer(ItemContainer::Logs(logs)) => captured.logs.extend(logs),
            EnvelopeItem::ItemContainer(ItemContainer::Metrics(metrics)) => {
                captured.metrics.extend(metrics)
            }
            _ => {}
        }
    }
}

/// A trace id and a span id, in hexadecimal.
pub type Ids = (String, String);

/// The ids of a span.
pub fn ids(span_context: &SpanContext) -> Ids {
    (span_context.trace_id().to_string(), span_context.span_id().to_string())
}

/// The ids of the context's span.
pub fn ids_of(cx: &Context) -> Ids {
    ids(cx.span().span_context())
}

/// The ids of an event.
pub fn event_ids(event: &Event<'_>) -> Ids {
    match event.contexts.get("trace") {
        Some(sentry::protocol::Context::Trace(trace)) => {
            (trace.trace_id.to_string(), trace.span_id.to_string())
        }
        other => panic!("no trace context: {other:?}"),
    }
}

/// The ids of a log. The span id is empty if the log has none.
pub fn log_ids(log: &Log) -> Ids {
    let span_id = log.attributes.get("sentry.trace.parent_span_id");
    let span_id = span_id.and_then(|attribute| attribute.0.as_str()).unwrap_or_default();
    (log.trace_id.expect("a trace id").to_string(), span_id.to_owned())
}

/// The ids of a metric. The span id is empty if the metric has none.
pub fn metric_ids(metric: &Metric) -> Ids {
    let span_id = metric.span_id.map(|id| id.to_string());
    (metric.trace_id.to_string(), span_id.unwrap_or_default())
}
