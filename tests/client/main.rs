//! The tower layer for HTTP clients.

#[path = "../common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::future::{pending, Future};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};

use http::{HeaderMap, Request, Response};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, TracerProvider};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use opentelemetry_sentry::{ClientLayer, ClientService, Sentry, SentryPropagator, SentryTrace};
use tower::{service_fn, BoxError, Layer, Service, ServiceExt};

const SHOP: &str = "https://api.myecommerce.com";

struct App {
    provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
    sentry: Sentry,
}

impl App {
    fn new() -> Self {
        let sentry = Sentry::builder()
            .dsn("https://key@o1.ingest.sentry.io/42")
            .traces_sample_rate(1.0)
            .trace_propagation_targets([SHOP])
            .build()
            .unwrap();
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(spans.clone())
            .build();
        App { provider, spans, sentry }
    }

    fn client<S>(&self, inner: S) -> ClientService<S, SdkTracer, SentryPropagator> {
        ClientLayer::new(self.provider.tracer("shop"), self.sentry.propagator()).layer(inner)
    }

    /// Sends one request through a client that answers with a status. Returns its headers and its span.
    async fn send(&self, request: Request<()>, status: u16) -> (HeaderMap, SpanData) {
        let seen = Arc::new(Mutex::new(HeaderMap::new()));
        let sent = Arc::clone(&seen);
        let client = self.client(service_fn(move |request: Request<()>| {
            *sent.lock().unwrap() = request.headers().clone();
            let response = Response::builder().status(status).body(()).unwrap();
            async { Ok::<_, Infallible>(response) }
        }));
        client.oneshot(request).await.unwrap();
        let mut spans = self.spans.get_finished_spans().unwrap();
        self.spans.reset();
        assert_eq!(spans.len(), 1);
        let headers = seen.lock().unwrap().clone();
        (headers, spans.remove(0))
    }
}

fn request(method: &str, uri: &str) -> Request<()> {
    Request::builder().method(method).uri(uri).header("baggage", "a=1").body(()).unwrap()
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|kv| kv.key.as_str() == key)?;
    Some(match &found.value {
        Value::I64(number) => number.to_string(),
        other => other.as_str().into_owned(),
    })
}

/// Method and URI; the span's name and attributes, and whether trace headers go out.
#[tokio::test]
async fn a_span_and_headers_for_each_request() {
    let app = App::new();
    let rows = [
        ("GET", format!("{SHOP}/cart?a=1"), format!("{SHOP}/cart?a=1"), "443", true),
        ("POST", format!("{SHOP}:8443/"), format!("{SHOP}:8443/"), "8443", true),
        (
            "GET",
            "http://api.myecommerce.com/".into(),
            "http://api.myecommerce.com/".into(),
            "80",
            false,
        ),
        (
            "GET",
            "https://u:p@elsewhere.example/".into(),
            "https://elsewhere.example/".into(),
            "443",
            false,
        ),
        (
            "GET",
            format!("{SHOP}/?sig=secret&x=1&Signature=secret&signature=x"),
            format!("{SHOP}/?sig=REDACTED&x=1&Signature=REDACTED&signature=x"),
            "443",
            true,
        ),
        ("BREW", format!("{SHOP}/"), format!("{SHOP}/"), "443", true),
    ];
    for (method, uri, url, port, sent) in rows {
        let (headers, span) = app.send(request(method, &uri), 200).await;
        let is_known = method != "BREW";
        assert_eq!(span.name, if is_known { method } else { "HTTP" });
        assert_eq!(span.span_kind, SpanKind::Client);
        assert_eq!(span.status, Status::Unset);
        let attribute = |key| attribute(&span, key);
        let named = if is_known { method } else { "_OTHER" };
        assert_eq!(attribute("http.request.method").as_deref(), Some(named));
        let original = (!is_known).then_some(method);
        assert_eq!(attribute("http.request.method_original").as_deref(), original);
        assert_eq!(attribute("url.full").as_deref(), Some(&*url));
        assert_eq!(attribute("server.port").as_deref(), Some(port));
        assert_eq!(attribute("http.response.status_code").as_deref(), Some("200"));
        assert_eq!(attribute("error.type"), None);

        assert_eq!(headers.contains_key("sentry-trace"), sent, "{uri}");
        let baggage = headers["baggage"].to_str().unwrap();
        assert!(baggage.starts_with("a=1"), "{baggage}");
        assert_eq!(baggage.contains("sentry-public_key"), sent, "{uri}");
        if sent {
            let trace: SentryTrace = headers["sentry-trace"].to_str().unwrap().parse().unwrap();
            assert_eq!(trace.span_id(), span.span_context.span_id());
            assert_eq!(trace.sampled(), Some(true));
        }
    }
}

#[tokio::test]
async fn what_failed_says_so() {
    let app = App::new();
    for (status, failed) in
        [(200, false), (302, false), (399, false), (400, true), (404, true), (503, true)]
    {
        let (_, span) = app.send(request("GET", SHOP), status).await;
        let code = status.to_string();
        assert_eq!(attribute(&span, "http.response.status_code").as_deref(), Some(&*code));
        assert_eq!(attribute(&span, "error.type"), failed.then_some(code));
        assert_eq!(span.status == Status::error(""), failed, "{status}");
    }
    let client = app.client(service_fn(|_: Request<()>| async {
        Err::<Response<()>, BoxError>("no route".into())
    }));
    assert!(client.oneshot(request("GET", SHOP)).await.is_err());
    let span = app.spans.get_finished_spans().unwrap().remove(0);
    assert_eq!(span.status, Status::error(""));
    assert!(attribute(&span, "error.type").is_some());
    assert_eq!(attribute(&span, "http.response.status_code"), None);
}

/// The span is a child of the current one, and the current one inside the client.
#[tokio::test]
async fn spans_are_nested() {
    let app = App::new();
    let inner =
        app.client(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    let outer = app.client(service_fn(move |_: Request<()>| {
        let at_once = Context::current().span().span_context().span_id();
        let inner = inner.clone();
        async move {
            tokio::task::yield_now().await;
            assert_eq!(Context::current().span().span_context().span_id(), at_once);
            inner.oneshot(request("GET", "https://elsewhere.example/")).await
        }
    }));
    outer.oneshot(request("GET", SHOP)).await.unwrap();
    assert!(!Context::current().has_active_span());
    let spans = app.spans.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2, "the inner one ends first");
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
    assert_eq!(spans[0].span_context.trace_id(), spans[1].span_context.trace_id());
}

#[test]
fn a_call_that_is_given_up_ends() {
    let app = App::new();
    let mut client =
        app.client(service_fn(|_: Request<()>| pending::<Result<Response<()>, Infallible>>()));
    let mut call = Box::pin(client.call(request("GET", SHOP)));
    let mut task = TaskContext::from_waker(Waker::noop());
    assert!(matches!(call.as_mut().poll(&mut task), Poll::Pending));
    assert!(app.spans.get_finished_spans().unwrap().is_empty());
    drop(call);
    assert_eq!(app.spans.get_finished_spans().unwrap().len(), 1);
}

/// No span and no headers if telemetry is suppressed, nor for requests to Sentry.
#[tokio::test]
async fn nothing_where_nothing_may_be() {
    let app = App::new();
    for (uri, suppressed) in [(SHOP, true), ("https://o1.ingest.sentry.io/api/42/", false)] {
        let client = app.client(service_fn(|request: Request<()>| async move {
            assert!(!request.headers().contains_key("sentry-trace"));
            Ok::<_, Infallible>(Response::new(()))
        }));
        let call = client.oneshot(request("GET", uri));
        let cx = Context::new();
        let cx = if suppressed { cx.with_telemetry_suppressed() } else { cx };
        opentelemetry::context::FutureExt::with_context(call, cx).await.unwrap();
        assert!(app.spans.get_finished_spans().unwrap().is_empty(), "{uri}");
    }
}

#[test]
fn debug_says_what_it_is() {
    let app = App::new();
    let layer = ClientLayer::new(app.provider.tracer("shop"), app.sentry.propagator());
    assert_eq!(format!("{:?}", layer.clone()), "ClientLayer { .. }");
    assert_eq!(format!("{:?}", layer.layer("inner")), "ClientService { inner: \"inner\", .. }");
}
