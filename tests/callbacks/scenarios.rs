//! The scenarios with a misbehaving callback.

use std::collections::HashMap;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{Sentry, SentryBuilder};
use tracing::{info_span, Event, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::common::DSN;

/// A global subscriber with the OTel layer of these settings and another layer.
fn subscribe(
    builder: SentryBuilder,
    layer: impl Layer<tracing_subscriber::Registry> + Send + Sync,
) -> (Sentry, InMemorySpanExporter) {
    let sentry = builder.dsn(DSN).build().unwrap();
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(exporter.clone())
        .build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    registry().with(layer).with(otel).init();
    (sentry, exporter)
}

struct NoLayer;

impl<S: Subscriber> Layer<S> for NoLayer {}

/// The headers of a request inside a span.
fn send(sentry: &Sentry, span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    sentry.propagator().inject_context(&span.context(), &mut headers);
    headers
}

#[test]
#[ignore = "runs in its own process"]
fn child_a_payload_that_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }
    let (sentry, _) = subscribe(Sentry::builder().traces_sampler(|_| panic_any(Bomb)), NoLayer);
    for _ in 0..3 {
        let span = info_span!("GET /cart");
        assert!(send(&sentry, &span)["sentry-trace"].ends_with("-0"));
    }
}

/// The inner span neither calls the sampler again nor is exported.
#[test]
#[ignore = "runs in its own process"]
fn child_a_span_inside_the_callback() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let builder = Sentry::builder().traces_sampler(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        info_span!("look up the rate").in_scope(|| 1.0)
    });
    let (sentry, exporter) = subscribe(builder, NoLayer);
    for _ in 0..3 {
        let span = info_span!("GET /cart");
        span.in_scope(|| assert!(send(&sentry, &span)["sentry-trace"].ends_with("-1")));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let exported = exporter.get_finished_spans().unwrap();
    let names: Vec<&str> = exported.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["GET /cart"; 3]);
}

/// Counts this crate's events and asks for the current span's ids, as a log format does.
#[derive(Clone, Default)]
struct Reading(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Reading {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        if event.metadata().target().starts_with("opentelemetry_sentry") {
            let _ids = Span::current().context();
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Each warning that starting a span can cause.
#[test]
#[ignore = "runs in its own process"]
fn child_a_layer_reads_the_current_span() {
    let reading = Reading::default();
    let calls = AtomicUsize::new(0);
    let builder =
        Sentry::builder().traces_sampler(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
            0 => f64::NAN,
            _ => panic!("no rate"),
        });
    let (sentry, _) = subscribe(builder, reading.clone());
    let given = |count: usize| if cfg!(feature = "internal-logs") { count } else { 0 };
    for expected in [1, 2, 2] {
        let span = info_span!("GET /cart", otel.kind = "client");
        span.in_scope(|| {
            let before = reading.0.load(Ordering::Relaxed);
            let cx = span.context();
            assert_eq!(reading.0.load(Ordering::Relaxed), before, "logged while the span starts");
            sentry.propagator().extract_with_context(&cx, &HashMap::<String, String>::new());
            assert_eq!(reading.0.load(Ordering::Relaxed), given(expected));
        });
    }
}

struct Panicking;

impl<S: Subscriber> Layer<S> for Panicking {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let is_ours = event.metadata().target().starts_with("opentelemetry_sentry");
        assert!(!is_ours, "a log line that cannot be written");
    }
}

#[test]
#[ignore = "runs in its own process"]
fn child_a_subscriber_that_panics() {
    let (sentry, _) = subscribe(Sentry::builder().traces_sampler(|_| f64::NAN), Panicking);
    let span = info_span!("GET /cart");
    assert!(send(&sentry, &span).contains_key("baggage"));
}
