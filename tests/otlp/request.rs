//! Spans as a request, for programs that send it themselves.

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{Sentry, SentryBuilder, SpanBuffer};
use prost::Message;

const MAX_SPANS: usize = 2048;

fn sentry() -> SentryBuilder {
    Sentry::builder()
        .dsn("http://public@localhost:9000/prefix/7")
        .release("shop@1.2.3")
        .traces_sample_rate(0.5)
}

fn provider(sentry: &Sentry, spans: &SpanBuffer) -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_resource(Resource::builder_empty().with_service_name("shop").build())
        .with_simple_exporter(spans.clone())
        .build()
}

/// A context below a caller that has decided.
fn parent(sentry: &Sentry, sampled: bool) -> Context {
    let headers = std::collections::HashMap::from([
        (
            "sentry-trace".to_owned(),
            format!("771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-{}", u8::from(sampled)),
        ),
        ("baggage".to_owned(), "sentry-sample_rate=0.25".to_owned()),
    ]);
    opentelemetry_sentry::continue_trace(&sentry.propagator(), &headers)
}

fn decode(body: &[u8]) -> ResourceSpans {
    let mut request = ExportTraceServiceRequest::decode(body).unwrap();
    assert_eq!(request.resource_spans.len(), 1);
    request.resource_spans.remove(0)
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?.value.as_ref()
}

fn string(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

#[test]
fn ended_spans_are_one_request() {
    let sentry = sentry().build().unwrap();
    let spans = sentry.span_buffer();
    let tracer = provider(&sentry, &spans).tracer("shop");
    let server = tracer.span_builder("GET /").with_kind(SpanKind::Server);
    let parent = parent(&sentry, true);
    let server = parent.with_span(server.start_with_context(&tracer, &parent));
    drop(tracer.start_with_context("query", &server));
    let inner = spans.take_request().expect("one has ended");
    assert_eq!(decode(inner.body()).scope_spans[0].spans.len(), 1, "the other one has not ended");
    assert!(spans.take_request().is_none(), "they are taken only once");
    drop(server);

    let request = spans.take_request().expect("the server's span");
    assert_eq!(request.url(), "http://localhost:9000/prefix/api/7/integration/otlp/v1/traces/");
    let auth = ("x-sentry-auth", "sentry sentry_key=public");
    assert_eq!(request.headers(), [("content-type", "application/x-protobuf"), auth]);
    assert_eq!(request.dropped_spans(), 0);
    let resource_spans = decode(request.body());
    let resource = resource_spans.resource.unwrap();
    assert_eq!(text(&resource.attributes, "service.name"), Some(&string("shop")));
    let span = &resource_spans.scope_spans[0].spans[0];
    assert_eq!(span.name, "GET /");
    assert_eq!(span.parent_span_id, [0x7d, 0xd6, 0xb3, 0xa1, 0xfb, 0x4d, 0x9c, 0x2a]);
    assert_eq!(span.flags & 0x300, 0x300, "the parent is remote");
    // The attributes that Sentry reads, as in each of our exporters.
    assert_eq!(text(&span.attributes, "sentry.release"), Some(&string("shop@1.2.3")));
    assert_eq!(text(&span.attributes, "sentry.environment"), Some(&string("production")));
    let rate = text(&span.attributes, "sentry.client_sample_rate");
    assert_eq!(rate, Some(&Value::DoubleValue(0.25)));
    assert_eq!(request.clone().into_body(), request.body());
    for shown in [format!("{request:?}"), format!("{spans:?}")] {
        assert!(!shown.contains("public") && !shown.contains("GET"), "{shown}");
    }
}

#[test]
fn nothing_to_send() {
    let sampled = sentry().build().unwrap();
    let without_dsn = Sentry::builder().traces_sample_rate(1.0).build().unwrap();
    for (sentry, decision) in [(&sampled, false), (&without_dsn, true)] {
        let spans = sentry.span_buffer();
        let tracer = provider(sentry, &spans).tracer("shop");
        drop(tracer.start_with_context("job", &parent(sentry, decision)));
        assert!(spans.take_request().is_none());
        assert!(format!("{spans:?}").contains("spans: 0"), "no span is kept");
    }
}

/// If a program never takes its spans, the buffer does not grow without limit.
#[test]
fn the_buffer_has_a_limit() {
    let sentry = sentry().build().unwrap();
    let spans = sentry.span_buffer();
    let tracer = provider(&sentry, &spans).tracer("shop");
    let parent = parent(&sentry, true);
    for count in [MAX_SPANS, MAX_SPANS + 3, 1] {
        for _ in 0..count {
            drop(tracer.start_with_context("job", &parent));
        }
        let request = spans.take_request().unwrap();
        let dropped = count.saturating_sub(MAX_SPANS);
        assert_eq!(decode(request.body()).scope_spans[0].spans.len(), count - dropped);
        assert_eq!(request.dropped_spans(), dropped as u64);
    }
}
