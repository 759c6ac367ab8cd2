//! `tracing` events become log records of the active span's trace, with the layers of docs/otlp.md.

use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sentry::Sentry;
use otlp_export::Collector;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// The records received from `f`, and the span that `f` returns as active.
fn records(f: impl FnOnce(&SdkTracer) -> SpanContext) -> (Vec<LogRecord>, SpanContext) {
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let collector = Collector::start().expect("a collector");
    let sentry = Sentry::builder()
        .dsn(collector.dsn())
        .release("shop@1.2.3")
        .environment("staging")
        .traces_sample_rate(1.0)
        .build()
        .expect("settings");
    let tracer = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build().tracer("test");
    let provider = SdkLoggerProvider::builder()
        .with_batch_exporter(sentry.log_exporter().expect("an exporter"))
        .build();
    // The exporter's client runs on another thread, outside this subscriber.
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer.clone()))
        .with(OpenTelemetryTracingBridge::new(&provider));
    let active = tracing::subscriber::with_default(subscriber, || f(&tracer));
    provider.shutdown_with_timeout(Duration::from_secs(10)).expect("every record is exported");
    (collector.take_logs(), active)
}

fn text(record: &LogRecord, key: &str) -> Option<String> {
    let attribute = record.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn assert_one_of(records: &[LogRecord], span: &SpanContext) {
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].trace_id, span.trace_id().to_bytes());
    assert_eq!(records[0].span_id, span.span_id().to_bytes());
    assert_eq!(records[0].severity_text, "ERROR");
    assert_eq!(text(&records[0], "sentry.release").as_deref(), Some("shop@1.2.3"));
    assert_eq!(text(&records[0], "sentry.environment").as_deref(), Some("staging"));
}

#[test]
fn below_an_otel_span() {
    let (records, span) = records(|tracer| {
        let cx = Context::new().with_span(tracer.start("GET /cart"));
        let _active = cx.clone().attach();
        tracing::error!("out of stock");
        cx.span().span_context().clone()
    });
    assert_one_of(&records, &span);
}

#[test]
fn below_a_tracing_span() {
    let (records, span) = records(|_| {
        let span = tracing::info_span!("GET /cart");
        let _entered = span.enter();
        tracing::error!("out of stock");
        let cx = span.context();
        let span_context = cx.span().span_context().clone();
        span_context
    });
    assert_one_of(&records, &span);
}

#[test]
fn without_an_active_span() {
    let (records, _) = records(|_| {
        tracing::error!("out of stock");
        SpanContext::empty_context()
    });
    assert_eq!(records.len(), 1);
    assert!(records[0].trace_id.is_empty());
    assert_eq!(text(&records[0], "sentry.release").as_deref(), Some("shop@1.2.3"));
}
