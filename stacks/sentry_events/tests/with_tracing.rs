//! With tracing-opentelemetry: the events that the `sentry` layers create from `tracing` events
//! belong to the trace of the active `tracing` span, in any order of the layers.

use opentelemetry::trace::TraceContextExt;
use sentry::integrations::tracing::{ErrorLayer, LogLayer};
use sentry_events::{captured, event_ids, ids, log_ids, options, tracer, Captured, Ids};
use tracing::{error, info_span, Instrument, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

fn ids_of(span: &tracing::Span) -> Ids {
    ids(span.context().span().span_context())
}

/// An error inside a nested span. Returns the inner span's ids.
fn served(subscriber: impl Subscriber + Send + Sync) -> (Captured, Ids) {
    let mut expected = None;
    let captured = captured(options(), || {
        tracing::subscriber::with_default(subscriber, || {
            let _server = info_span!("GET /cart").entered();
            let lookup = info_span!("lookup").entered();
            error!("out of stock");
            expected = Some(ids_of(&lookup));
        });
    });
    (captured, expected.unwrap())
}

#[test]
fn the_combined_layer_in_either_order() {
    let sentry_last = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer()))
        .with(sentry_layer());
    let sentry_first = tracing_subscriber::registry()
        .with(sentry_layer())
        .with(tracing_opentelemetry::layer().with_tracer(tracer()));
    let (captured, expected) = served(sentry_last);
    assert_eq!(event_ids(&captured.events[0]), expected);
    assert_eq!(captured.events.len(), 1);
    let (captured, expected) = served(sentry_first);
    assert_eq!(event_ids(&captured.events[0]), expected);
    assert_eq!(captured.events.len(), 1);
}

#[allow(deprecated)] // most programs use the combined layer
fn sentry_layer<S>() -> sentry::integrations::tracing::SentryLayer<S>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    sentry::integrations::tracing::layer()
}

#[test]
fn the_layers_for_errors_and_logs() {
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer()))
        .with(ErrorLayer::new().with_filter(LevelFilter::ERROR))
        .with(LogLayer::new().with_filter(LevelFilter::INFO));
    let (captured, expected) = served(subscriber);
    let events: Vec<Ids> = captured.events.iter().map(event_ids).collect();
    let logs: Vec<Ids> = captured.logs.iter().map(log_ids).collect();
    assert_eq!((events, logs), (vec![expected.clone()], vec![expected]));
}

#[test]
fn across_an_await() {
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer()))
        .with(ErrorLayer::new().with_filter(LevelFilter::ERROR));
    let mut expected = Vec::new();
    let captured = captured(options(), || {
        tracing::subscriber::with_default(subscriber, || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let spans = ["GET /cart", "GET /checkout"].map(|name| info_span!("request", name));
            expected.extend(spans.iter().map(ids_of));
            let [one, two] = spans.map(|span| {
                async {
                    tokio::task::yield_now().await;
                    error!("out of stock");
                }
                .instrument(span)
            });
            runtime.block_on(async { tokio::join!(one, two) });
        });
    });
    // The runtime chooses which of the two comes first.
    let mut arrived: Vec<Ids> = captured.events.iter().map(event_ids).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
}
