//! Trace headers for one HTTP request, and their names for CORS.

#[path = "../common/mod.rs"]
mod common;

use http::{HeaderName, Method, Request, Response};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::header::{BAGGAGE, SENTRY_TRACE, TRACEPARENT, TRACE_HEADERS};
use opentelemetry_sentry::{inject_request, OutgoingUrlExt, Sentry, SentryPropagator};
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

use common::{remote, sentry_trace};

const SHOP: &str = "https://api.myecommerce.com";

fn shop() -> SentryPropagator {
    let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42");
    builder.trace_propagation_targets([SHOP]).build().unwrap().propagator()
}

fn cx() -> Context {
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    cx.with_baggage([KeyValue::new("tenant", "7")])
}

fn request(uri: &str, baggage: &[&str]) -> Request<()> {
    let builder = baggage.iter().fold(Request::get(uri), |b, line| b.header("baggage", *line));
    builder.body(()).expect(uri)
}

/// A request's URI, what the context says of its URL, and whether headers go out.
#[test]
fn targets_apply_to_the_uri() {
    let elsewhere = "https://elsewhere.example";
    for (uri, in_context, sent) in [
        ("https://api.myecommerce.com/cart?page=2", None, true),
        ("https://api.myecommerce.com", None, true),
        ("https://api.myecommerce.com:8443/", None, true),
        ("https://elsewhere.example/", None, false),
        ("http://api.myecommerce.com/", None, false),
        // The URI is called, whatever an outer request left in the context.
        ("https://api.myecommerce.com/", Some(elsewhere), true),
        ("https://elsewhere.example/", Some(SHOP), false),
        // User info that looks like the host, and a host behind user info.
        ("https://api.myecommerce.com@elsewhere.example/", None, false),
        ("https://user:password@api.myecommerce.com/", None, true),
        // Sentry itself.
        ("https://o1.ingest.sentry.io/?https://api.myecommerce.com", None, false),
        // Not a URL: the context's is used, if it has one.
        ("/cart", None, true),
        ("/cart", Some(SHOP), true),
        ("/cart", Some(elsewhere), false),
        ("api.myecommerce.com:443", Some(elsewhere), false),
    ] {
        let cx = in_context.map_or_else(cx, |url| cx().with_outgoing_url(url));
        let mut request = request(uri, &[]);
        inject_request(&shop(), &cx, &mut request);
        let names: Vec<HeaderName> = request.headers().keys().cloned().collect();
        assert_eq!(names, if sent { vec![SENTRY_TRACE, BAGGAGE] } else { vec![] }, "{uri}");
    }
}

#[test]
fn what_the_request_has_stays() {
    for (has, expected) in [
        (&[][..], "tenant=7"),
        (&["a=1"], "a=1,tenant=7"),
        (&["a=1", "b=2"], "a=1,b=2,tenant=7"),
        (&["tenant=8"], "tenant=8"),
        (&["sentry-release=old,a=1"], "a=1,tenant=7"),
    ] {
        let mut request = request("https://api.myecommerce.com/", has);
        for _ in 0..2 {
            inject_request(&SentryPropagator::new(), &cx(), &mut request);
        }
        assert_eq!(request.headers()[BAGGAGE], expected);
        assert_eq!(request.headers()[SENTRY_TRACE], sentry_trace("-1"));
        assert_eq!(request.headers().len(), 2);
    }
    // A request that gets no headers keeps its own.
    let mut request = request("https://elsewhere.example/", &["a=1", "sentry-x=1"]);
    let before = request.headers().clone();
    inject_request(&shop(), &cx(), &mut request);
    assert_eq!(*request.headers(), before);
}

#[test]
fn any_propagator() {
    let mut request = request("https://elsewhere.example/", &[]);
    inject_request(&shop().wrap(TraceContextPropagator::new()), &cx(), &mut request);
    let names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&"traceparent") && names.contains(&"tracestate"));
}

/// A browser's preflight request, answered by tower-http.
#[tokio::test]
async fn a_preflight_request_is_allowed_the_headers() {
    assert_eq!(TRACE_HEADERS, [SENTRY_TRACE, BAGGAGE, TRACEPARENT]);
    let cors = CorsLayer::new().allow_origin(Any).allow_headers(TRACE_HEADERS);
    let service = tower::service_fn(|_: Request<String>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "sentry-trace,baggage")
        .body(String::new())
        .unwrap();
    let mut service = cors.layer(service);
    let response = service.ready().await.unwrap().call(preflight).await.unwrap();
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap();
    let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
    assert_eq!(allowed, ["sentry-trace", "baggage", "traceparent"]);
}
