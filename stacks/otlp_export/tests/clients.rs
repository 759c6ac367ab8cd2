//! Spans arrive regardless of the HTTP clients that other crates enable in opentelemetry-otlp, and
//! of where the exporter is built: without a runtime, and inside one of either flavor.
//!
//! This file runs a second time with `--features reqwest-client`.

use std::time::Duration;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::Sentry;
use otlp_export::Collector;

const TIMEOUT: Duration = Duration::from_secs(10);

fn no_proxy() {
    std::env::set_var("NO_PROXY", "127.0.0.1");
}

/// Exports one span to Sentry and one to a Collector. Returns the number received.
fn export() -> usize {
    no_proxy();
    let collector = Collector::start().expect("a collector");
    let sentry = Sentry::builder().dsn(collector.dsn()).traces_sample_rate(1.0).build();
    let sentry = sentry.expect("settings");
    let to_sentry = sentry.span_exporter().expect("an exporter");
    let to_collector = sentry.span_exporter_to(&collector.endpoint()).expect("an exporter");
    for provider in [
        SdkTracerProvider::builder().with_sampler(sentry.sampler()).with_batch_exporter(to_sentry),
        SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_batch_exporter(to_collector),
    ] {
        let provider = provider.build();
        provider.tracer("test").start("job");
        provider.shutdown_with_timeout(TIMEOUT).expect("the span is exported");
    }
    let arrived = collector.take().len();
    // A runtime must not be dropped inside another one.
    std::thread::spawn(move || drop(collector)).join().expect("the collector ends");
    arrived
}

#[test]
fn without_a_runtime() {
    assert_eq!(export(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn inside_a_current_thread_runtime() {
    assert_eq!(export(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_a_multi_thread_runtime() {
    assert_eq!(export(), 2);
}
