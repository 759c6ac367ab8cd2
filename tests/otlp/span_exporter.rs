//! The exporter that adds the attributes that Sentry reads, and optionally removes our members.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracerProvider, SimpleSpanProcessor, SpanData, SpanExporter,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{Sentry, SentryBuilder, SentrySpanExporter};

fn remote(trace_state: &str) -> SpanContext {
    SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        trace_state.parse::<TraceState>().unwrap(),
    )
}

/// The exported CLIENT span below this parent, with a link to the same parent.
fn exported(trace_state: &str, strip: bool) -> SpanData {
    let exporter = InMemorySpanExporter::default();
    let sentry = Sentry::builder().traces_sample_rate(1.0).build().unwrap();
    let wrapper = SentrySpanExporter::new(&sentry, exporter.clone()).strip_tracestate(strip);
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(wrapper)
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
fn only_our_members_are_removed() {
    for (trace_state, cleaned) in [
        ("", ""),
        ("ot=th:8;rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff"),
        ("sentry=c..x", ""),
        ("sentry=c..x,sentry-2=y,ot=th:8;rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff"),
        ("vendor=1,sentry-7=x,sentryco=2,other=3", "vendor=1,sentryco=2,other=3"),
    ] {
        let span = exported(trace_state, true);
        assert_eq!(span.span_context.trace_state().header(), cleaned, "{trace_state:?}");
        assert_eq!(span.links[0].span_context.trace_state().header(), cleaned, "{trace_state:?}");
        assert_eq!(span.span_context.trace_id(), TraceId::from(7));
        assert!(span.span_context.is_sampled() && !span.span_context.is_remote());
        assert!(span.links[0].span_context.is_remote());
        assert_eq!(span.parent_span_id, SpanId::from(8));
    }
}

#[test]
fn by_default_our_members_stay() {
    let trace_state = "sentry=c..x,sentry-2=y,ot=th:8;rv:ffffffffffffff";
    let span = exported(trace_state, false);
    assert!(span.span_context.trace_state().header().contains("sentry="));
    assert_eq!(span.links[0].span_context.trace_state().header(), trace_state);
}

/// The rate of a span that another crate's sampler sampled.
#[test]
fn the_rate_is_the_members_or_that_of_a_true_th() {
    const TH: &str = "ot=th:8;rv:ffffffffffffff";
    for (trace_state, rate) in [
        ("", None),
        ("sentry=c..;r0.25", Some("0.25")),
        ("sentry=c..;S;r0.25", Some("0.25")),
        (&format!("sentry=c..;S;r0.25,{TH}"), Some("0.25")),
        (TH, Some("0.5")),
        ("ot=th:8;rv:00000000000000", None),
        // The head dropped the trace: its rate is not the span's.
        ("sentry=c..;F;r0.25", None),
        // A sampler of this crate overruled it, and wrote both.
        (&format!("sentry=c..;F;r0.25,{TH}"), Some("0.25")),
        ("sentry=c..;r0", None),
        (&format!("sentry=c..;r0,{TH}"), Some("0.5")),
    ] {
        let exporter = InMemorySpanExporter::default();
        let wrapper = SentrySpanExporter::new(&Sentry::default(), exporter.clone());
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_simple_exporter(wrapper)
            .build();
        let parent = Context::new().with_remote_span_context(remote(trace_state));
        drop(provider.tracer("test").start_with_context("GET", &parent));
        let span = exporter.get_finished_spans().unwrap().remove(0);
        let found = values(&span, "sentry.client_sample_rate");
        assert_eq!(found, rate.into_iter().collect::<Vec<_>>(), "{trace_state:?}");
    }
}

/// The values of an attribute.
fn values(span: &SpanData, name: &str) -> Vec<String> {
    let named = span.attributes.iter().filter(|attribute| attribute.key.as_str() == name);
    named.map(|attribute| attribute.value.to_string()).collect()
}

/// The environments of an exported head, for this resource.
fn environments(builder: SentryBuilder, resource: &[(&'static str, &'static str)]) -> Vec<String> {
    let exporter = InMemorySpanExporter::default();
    let sentry = builder.traces_sample_rate(1.0).build().unwrap();
    let resource = resource.iter().map(|(name, value)| KeyValue::new(*name, *value));
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_resource(Resource::builder_empty().with_attributes(resource).build())
        .with_simple_exporter(SentrySpanExporter::new(&sentry, exporter.clone()))
        .build();
    drop(provider.tracer("test").start("job"));
    let span = exporter.get_finished_spans().unwrap().remove(0);
    values(&span, "sentry.environment")
}

/// Sentry reads a span's environment first, so the default must not hide the resource's value.
#[test]
fn the_resource_overrides_the_default_environment() {
    let unset = Sentry::builder;
    let set = || Sentry::builder().environment("staging");
    for name in ["deployment.environment.name", "deployment.environment"] {
        assert!(environments(unset(), &[(name, "qa")]).is_empty(), "{name}");
        assert_eq!(environments(set(), &[(name, "qa")]), ["staging"], "{name}");
    }
    assert_eq!(environments(unset(), &[("service.name", "shop")]), ["production"]);
    assert_eq!(environments(set(), &[]), ["staging"]);
}

#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<&'static str>>>);

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
fn other_calls_are_forwarded() {
    let calls = Calls::default();
    let mut exporter = SentrySpanExporter::new(&Sentry::default(), calls.clone());
    exporter.set_resource(&Resource::builder_empty().build());
    exporter.force_flush().unwrap();
    exporter.shutdown_with_timeout(Duration::from_secs(3)).unwrap();
    assert_eq!(*calls.0.lock().unwrap(), ["resource", "flush", "shutdown"]);
    drop(SimpleSpanProcessor::new(exporter));
}
