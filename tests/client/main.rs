//! The tower layer for HTTP clients.

#[path = "../common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::future::{pending, Future};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};

use http::{HeaderMap, Request, Response};
use opentelemetry::trace::{
    SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use opentelemetry_sentry::{
    trace_data, ClientLayer, ClientService, OutgoingUrlExt, Sentry, SentryPropagator, SentryTrace,
};
use tower::buffer::Buffer;
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

/// Method and URI; the span's name and attributes, and whether trace headers are sent.
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
async fn failures_are_on_the_span() {
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
fn a_dropped_call_ends_its_span() {
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
async fn suppressed_and_sentry_requests_get_nothing() {
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
fn debug_names_the_type() {
    let app = App::new();
    let layer = ClientLayer::new(app.provider.tracer("shop"), app.sentry.propagator());
    assert_eq!(format!("{:?}", layer.clone()), "ClientLayer { .. }");
    assert_eq!(format!("{:?}", layer.layer("inner")), "ClientService { inner: \"inner\", .. }");
}

/// The request's URL must not stay in the context: what this client sends on the way may go to
/// another host.
#[tokio::test]
async fn the_url_holds_for_the_request_alone() {
    let app = App::new();
    // The layer's URL decides for its own headers only.
    for (uri, sent) in [("https://elsewhere.example/", false), (SHOP, true)] {
        let (provider, propagator) = (app.provider.clone(), app.sentry.propagator());
        let client = app.client(service_fn(move |request: Request<()>| {
            assert_eq!(request.headers().contains_key("sentry-trace"), sent, "{uri}");
            let (provider, propagator) = (provider.clone(), propagator.clone());
            async move {
                let tracer = provider.tracer("dns");
                let cx = Context::current();
                let span = SpanBuilder::from_name("resolve").start_with_context(&tracer, &cx);
                let below = trace_data(&propagator, &cx.with_span(span));
                // The destination is unknown, so the headers are sent.
                assert!(below.get("sentry-trace").is_some(), "{uri}");
                let denied = cx.with_outgoing_url("https://elsewhere.example/");
                assert!(trace_data(&propagator, &denied).is_empty());
                Ok::<_, Infallible>(Response::new(()))
            }
        }));
        client.oneshot(request("GET", uri)).await.unwrap();
    }
}

/// The context in the request is the parent, regardless of where the layer is called.
#[tokio::test]
async fn the_parent_comes_with_the_request() {
    let app = App::new();
    let tracer = app.provider.tracer("shop");
    let parent = Context::new().with_span(tracer.start_with_context("GET /buy", &Context::new()));
    let parent_id = parent.span().span_context().span_id();
    let other = Context::new().with_span(tracer.start_with_context("a worker", &Context::new()));
    let request = || {
        let mut request = request("GET", SHOP);
        request.extensions_mut().insert(parent.clone());
        request
    };

    // With another current context, and a lower layer that another task calls.
    let inner =
        app.client(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    let inner = Buffer::new(inner, 4);
    let client = Buffer::new(app.client(inner), 4);
    let call = client.oneshot(request());
    opentelemetry::context::FutureExt::with_context(call, other.clone()).await.unwrap();
    let spans = app.spans.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[1].parent_span_id, parent_id);
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id(), "the layers are nested");
    assert!(spans
        .iter()
        .all(|s| s.span_context.trace_id() == parent.span().span_context().trace_id()));

    // Without a context in the request, the current one is the parent.
    app.spans.reset();
    let client =
        app.client(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    let call = client.oneshot(self::request("GET", SHOP));
    opentelemetry::context::FutureExt::with_context(call, other.clone()).await.unwrap();
    let spans = app.spans.get_finished_spans().unwrap();
    assert_eq!(spans[0].parent_span_id, other.span().span_context().span_id());

    // The request's context carries suppression too.
    app.spans.reset();
    let mut suppressed = self::request("GET", SHOP);
    suppressed.extensions_mut().insert(parent.with_telemetry_suppressed());
    let client = app.client(service_fn(|request: Request<()>| async move {
        assert!(!request.headers().contains_key("sentry-trace"));
        Ok::<_, Infallible>(Response::new(()))
    }));
    client.oneshot(suppressed).await.unwrap();
    assert!(app.spans.get_finished_spans().unwrap().is_empty());
}

/// A dropped call ends its span, even while its request still waits in a queue.
#[test]
fn a_dropped_call_ends_its_span_while_its_request_is_queued() {
    let app = App::new();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let queue = Arc::clone(&kept);
    let mut client = app.client(service_fn(move |request: Request<()>| {
        queue.lock().unwrap().push((request, Context::current()));
        pending::<Result<Response<()>, Infallible>>()
    }));
    let mut request = request("GET", SHOP);
    request.extensions_mut().insert(Context::new());
    drop(client.call(request));
    assert_eq!(kept.lock().unwrap().len(), 1);
    assert_eq!(app.spans.get_finished_spans().unwrap().len(), 1);
}

/// A request copied from an incoming one.
#[tokio::test]
async fn a_copied_request_loses_the_callers_trace() {
    let app = App::new();
    for (uri, sent) in [(SHOP, true), ("https://elsewhere.example/", false)] {
        let mut request = request("GET", uri);
        let old = "12312012123120121231201212312012-1121201211212012-1";
        request.headers_mut().insert("sentry-trace", old.parse().unwrap());
        request.headers_mut().append("baggage", "sentry-release=old,b=2".parse().unwrap());
        let (headers, span) = app.send(request, 200).await;
        let lines: Vec<_> = headers.get_all("sentry-trace").iter().collect();
        let trace = format!("{}-{}-1", span.span_context.trace_id(), span.span_context.span_id());
        assert_eq!(lines, if sent { vec![&*trace] } else { vec![] }, "{uri}");
        let list = headers["baggage"].to_str().unwrap();
        assert!(list.starts_with("a=1,b=2") && !list.contains("old"), "{list}");
        assert_eq!(list == "a=1,b=2", !sent, "{list}");
    }
}

/// `reqwest::Client` without a wrapper, over a socket.
#[cfg(feature = "reqwest")]
mod reqwest_client {
    use super::*;

    use axum::routing::get;
    use axum::Router;
    use reqwest::redirect::Policy;
    use reqwest::{Client, Method};

    /// A server that answers with the headers it received.
    async fn serve() -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = |headers: HeaderMap| async move {
            let lines = headers.iter();
            lines
                .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                .collect::<String>()
        };
        let teapot = || async { http::StatusCode::IM_A_TEAPOT };
        let router = Router::new().route("/cart", get(answer)).route("/teapot", get(teapot));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn client() -> Client {
        Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
    }

    #[tokio::test]
    async fn a_span_and_headers_for_each_request() {
        let address = serve().await;
        let origin = format!("http://{address}");
        for (target, sent) in [(origin.as_str(), true), ("https://elsewhere.example", false)] {
            let sentry = Sentry::builder()
                .dsn("https://key@o1.ingest.sentry.io/42")
                .traces_sample_rate(1.0)
                .trace_propagation_targets([target])
                .build()
                .unwrap();
            let app = App { sentry, ..App::new() };
            let url = format!("http://user:password@{address}/cart?sig=secret#fragment");
            let mut request = reqwest::Request::new(Method::GET, url.parse().unwrap());
            request.headers_mut().insert("sentry-trace", "old".parse().unwrap());
            request.headers_mut().insert("baggage", "a=1,sentry-release=old".parse().unwrap());
            let response = app.client(client()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), 200);
            let body = response.text().await.unwrap();
            let span = app.spans.get_finished_spans().unwrap().remove(0);
            assert_eq!((&*span.name, span.span_kind.clone()), ("GET", SpanKind::Client));
            let attribute = |key| attribute(&span, key);
            let url = format!("{origin}/cart?sig=REDACTED");
            assert_eq!(attribute("url.full"), Some(url));
            assert_eq!(attribute("server.address").as_deref(), Some("127.0.0.1"));
            assert_eq!(attribute("server.port"), Some(address.port().to_string()));
            assert_eq!(attribute("http.response.status_code").as_deref(), Some("200"));
            let line = |name: &str| {
                let start = format!("{name}: ");
                let lines: Vec<&str> =
                    body.lines().filter_map(|l| l.strip_prefix(&start)).collect();
                assert!(lines.len() <= 1, "{body}");
                lines.first().map(|line| (*line).to_owned())
            };
            let id = &span.span_context;
            let trace = format!("{}-{}-1", id.trace_id(), id.span_id());
            assert_eq!(line("sentry-trace"), sent.then_some(trace));
            let list = line("baggage").unwrap();
            assert!(list.starts_with("a=1") && !list.contains("old"), "{list}");
            assert_eq!(list.contains("sentry-public_key=key"), sent, "{list}");
        }
    }

    #[tokio::test]
    async fn failures_are_on_the_span() {
        let app = App::new();
        let address = serve().await;
        let get = |url: String| reqwest::Request::new(Method::GET, url.parse().unwrap());
        let request = get(format!("http://{address}/teapot"));
        assert_eq!(app.client(client()).oneshot(request).await.unwrap().status(), 418);
        // No server listens there.
        let request = get("http://127.0.0.1:1/".to_owned());
        assert!(app.client(client()).oneshot(request).await.is_err());
        let spans = app.spans.get_finished_spans().unwrap();
        let failures: Vec<_> = spans.iter().map(|span| attribute(span, "error.type")).collect();
        assert_eq!(failures, [Some("418".to_owned()), Some("reqwest::error::Error".to_owned())]);
    }

    /// Around a queue, the layer runs in the caller's task.
    #[tokio::test]
    async fn around_a_buffer() {
        let app = App::new();
        let address = serve().await;
        let tracer = app.provider.tracer("shop");
        let parent =
            Context::new().with_span(tracer.start_with_context("GET /buy", &Context::new()));
        let client = app.client(Buffer::new(client(), 4));
        let url = format!("http://{address}/cart");
        let call = client.oneshot(reqwest::Request::new(Method::GET, url.parse().unwrap()));
        opentelemetry::context::FutureExt::with_context(call, parent.clone()).await.unwrap();
        let spans = app.spans.get_finished_spans().unwrap();
        assert_eq!(spans[0].parent_span_id, parent.span().span_context().span_id());
    }
}
