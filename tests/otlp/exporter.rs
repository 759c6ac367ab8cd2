//! The exporters: the received spans, rejected settings, and untraced requests to Sentry.

use std::fmt::Debug;
use std::future::{ready, Future};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::WithHttpConfig;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::Sentry;

use crate::endpoint::Endpoint;

const KEY: &str = "49d0f7386ad645858ae85020e393bef3";

fn sentry(endpoint: &Endpoint) -> Sentry {
    let builder = Sentry::builder().dsn(endpoint.dsn(KEY)).release("shop@1").environment("test");
    builder.traces_sample_rate(1.0).build().unwrap()
}

fn endpoint() -> Endpoint {
    // Bypass any proxy for a local server.
    std::env::set_var("NO_PROXY", "127.0.0.1");
    Endpoint::start().unwrap()
}

/// Exports one span, through the SDK's batch processor.
fn export(sentry: &Sentry, exporter: impl SpanExporter + 'static) {
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_resource(Resource::builder().with_attributes(sentry.resource_attributes()).build())
        .with_batch_exporter(exporter)
        .build();
    provider.tracer("test").start("job");
    provider.shutdown().unwrap();
}

#[test]
fn to_sentry_and_to_a_collector() {
    let endpoint = endpoint();
    let sentry = sentry(&endpoint);
    let auth = format!("sentry sentry_key={KEY}");
    let to_sentry = sentry.span_exporter().unwrap();
    let to_collector = sentry.span_exporter_to(&endpoint.collector_url()).unwrap();
    for (exporter, path, auth) in [
        (to_sentry, "/api/42/integration/otlp/v1/traces/", Some(&*auth)),
        (to_collector, "/v1/traces", None),
    ] {
        export(&sentry, exporter);
        let received = endpoint.take();
        let [request] = &received[..] else { panic!("{} requests", received.len()) };
        assert_eq!((&*request.path, request.auth.as_deref()), (path, auth));
        assert_eq!(request.content_type.as_deref(), Some("application/x-protobuf"));
        assert!(!request.gzip);
        assert_eq!(request.spans.len(), 1);
        assert_eq!(request.spans[0].name, "job");
        assert_eq!(request.spans[0].resource["service.version"], "shop@1");
        assert_eq!(request.spans[0].resource["deployment.environment.name"], "test");
        assert_eq!(request.spans[0].attributes["sentry.release"], "shop@1");
        assert_eq!(request.spans[0].attributes["sentry.environment"], "test");
        assert_eq!(request.spans[0].attributes["sentry.client_sample_rate"], "1");
    }
}

#[test]
fn invalid_settings_are_errors() {
    let without = Sentry::default();
    let error = without.span_exporter().unwrap_err().to_string();
    assert_eq!(error, "invalid exporter configuration: dsn: not set");
    let error = without.log_exporter().unwrap_err().to_string();
    assert_eq!(error, "invalid exporter configuration: dsn: not set");
    for url in ["", "not a URL", "localhost:4318", "ftp://user:pass@host/", "http://host/a b"] {
        let error = without.span_exporter_to(url).unwrap_err().to_string();
        let sentence =
            "invalid exporter configuration: collector_url: not an http:// or https:// URL";
        assert_eq!(error, sentence, "{url}");
    }
    assert!(without.span_exporter_to("http://127.0.0.1:4318/v1/traces").is_ok());
}

/// They move to the processor's thread, and must not show the DSN's key.
#[test]
fn exporters_as_types() {
    fn shared<T: Send + Sync + Debug + 'static>(value: &T) -> String {
        format!("{value:?}{value:#?}")
    }
    let sentry = Sentry::builder().dsn(format!("https://{KEY}@o1.ingest.sentry.io/42"));
    let sentry = sentry.environment("production").build().unwrap();
    let collector = "http://user:password@localhost:4318/v1/traces";
    for shown in [
        shared(&sentry.span_exporter().unwrap()),
        shared(&sentry.span_exporter_to(collector).unwrap()),
        shared(&sentry.log_exporter().unwrap()),
        shared(&sentry.install_builder("shop").collector(collector)),
    ] {
        assert!(!shown.contains(KEY) && !shown.contains("password"), "{shown}");
        assert!(shown.contains("production"), "{shown}");
    }
}

/// A client with an application's usual instrumentation.
#[derive(Debug)]
struct Instrumented {
    provider: SdkTracerProvider,
    seen: Arc<Mutex<Vec<(bool, bool)>>>,
}

impl HttpClient for Instrumented {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let tracer = self.provider.tracer("client");
        let url = KeyValue::new("url.full", request.uri().to_string());
        let builder = tracer.span_builder("POST").with_kind(SpanKind::Client);
        let cx = Context::current().with_span(builder.with_attributes([url]).start(&tracer));
        let suppressed = Context::current().is_telemetry_suppressed();
        let sampled = cx.span().span_context().is_sampled();
        self.seen.lock().unwrap().push((suppressed, sampled));
        Box::pin(ready(Ok(Response::new(Bytes::new()))))
    }
}

/// An export must not cause another one. The sampler drops the spans of requests to Sentry; for
/// other hosts the SDK's batch processor suppresses them.
#[test]
fn requests_of_the_exporter_are_not_traced() {
    let endpoint = endpoint();
    let sentry = sentry(&endpoint);
    let seen = Arc::default();
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(spans.clone())
        .build();
    let client = Instrumented { provider: provider.clone(), seen: Arc::clone(&seen) };
    let builder = sentry.span_exporter_builder().unwrap();
    export(&sentry, builder.with_http_client(client).build().unwrap());
    assert_eq!(*seen.lock().unwrap(), [(true, false)], "suppressed, and not sampled");
    assert!(spans.get_finished_spans().unwrap().is_empty());

    // Without suppression, as with another kind of processor.
    let tracer = provider.tracer("test");
    let url = sentry.dsn().unwrap().otlp_traces_endpoint();
    let builder = tracer.span_builder("POST").with_kind(SpanKind::Client);
    let builder = builder.with_attributes([KeyValue::new("url.full", url)]);
    drop(builder.start(&tracer));
    assert!(spans.get_finished_spans().unwrap().is_empty());
    assert!(endpoint.take().is_empty());
}
