//! The exporter that removes our members.

use std::time::Duration;

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor, SpanData, SpanExporter,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{CleanSpanExporter, Sentry};

fn remote(trace_state: &str) -> SpanContext {
    SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        trace_state.parse::<TraceState>().unwrap(),
    )
}

/// Exports a CLIENT span below such a parent, with a link to it.
fn exported(trace_state: &str) -> SpanData {
    let exporter = InMemorySpanExporter::default();
    let sentry = Sentry::builder().traces_sample_rate(1.0).build().unwrap();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(CleanSpanExporter::new(exporter.clone()))
        .build();
    let tracer = provider.tracer("test");
    let parent = Context::new().with_remote_span_context(remote(trace_state));
    let builder = SpanBuilder::from_name("GET")
        .with_kind(SpanKind::Client)
        .with_links(vec![Link::with_context(remote(trace_state))]);
    drop(tracer.build_with_context(builder, &parent));
    exporter.get_finished_spans().unwrap().remove(0)
}

#[test]
fn our_members_go_and_all_others_stay() {
    for (trace_state, cleaned) in [
        ("", ""),
        ("ot=th:8;rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff"),
        ("sentry=c..x", ""),
        ("sentry=c..x,sentry-2=y,ot=th:8;rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff"),
        ("vendor=1,sentry-7=x,sentryco=2,other=3", "vendor=1,sentryco=2,other=3"),
    ] {
        let span = exported(trace_state);
        assert_eq!(span.span_context.trace_state().header(), cleaned, "{trace_state:?}");
        assert_eq!(span.links[0].span_context.trace_state().header(), cleaned, "{trace_state:?}");
        assert_eq!(span.span_context.trace_id(), TraceId::from(7));
        assert!(span.span_context.is_sampled() && !span.span_context.is_remote());
        assert!(span.links[0].span_context.is_remote());
        assert_eq!(span.parent_span_id, SpanId::from(8));
    }
}

#[derive(Debug, Default)]
struct Calls(std::sync::Mutex<Vec<&'static str>>);

impl SpanExporter for Calls {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().push("export");
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        assert_eq!(timeout, Duration::from_secs(3));
        self.0.lock().unwrap().push("shutdown");
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.lock().unwrap().push("flush");
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {
        self.0.lock().unwrap().push("resource");
    }
}

/// The wrapper forwards every other call to the exporter.
#[test]
fn everything_else_is_passed_on() {
    let mut exporter = CleanSpanExporter::new(Calls::default());
    exporter.set_resource(&Resource::builder_empty().build());
    exporter.force_flush().unwrap();
    exporter.shutdown_with_timeout(Duration::from_secs(3)).unwrap();
    assert_eq!(
        format!("{exporter:?}").matches("\"").count(),
        6,
        "resource, flush, shutdown: {exporter:?}"
    );
    drop(SimpleSpanProcessor::new(exporter));
}
