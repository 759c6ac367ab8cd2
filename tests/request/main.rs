//! Trace headers for one HTTP request, and their names for CORS.

#[path = "../common/mod.rs"]
mod common;

use http::{HeaderName, Method, Request, Response};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::header::{BAGGAGE, SENTRY_TRACE, TRACEPARENT, TRACE_HEADERS};
use opentelemetry_sentry::{
    inject_headers, inject_request, OutgoingUrlExt, Sentry, SentryPropagator,
};
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

use common::{remote, sentry_trace, OTHER_SPAN_ID, OTHER_TRACE_ID, TRACE_ID};

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

/// A request's URI, the URL in the context, and whether headers are sent.
#[test]
fn targets_apply_to_the_uri() {
    let elsewhere = "https://elsewhere.example";
    for (uri, in_context, sent) in [
        ("https://api.myecommerce.com/cart?page=2", None, true),
        ("https://api.myecommerce.com", None, true),
        ("https://api.myecommerce.com:8443/", None, true),
        ("https://elsewhere.example/", None, false),
        ("http://api.myecommerce.com/", None, false),
        // The URI counts, not the URL that an outer request left in the context.
        ("https://api.myecommerce.com/", Some(elsewhere), true),
        ("https://elsewhere.example/", Some(SHOP), false),
        // User info that looks like the host, and a host after user info.
        ("https://api.myecommerce.com@elsewhere.example/", None, false),
        ("https://user:password@api.myecommerce.com/", None, true),
        // Sentry itself.
        ("https://o1.ingest.sentry.io/?https://api.myecommerce.com", None, false),
        // Not a URL: the context's URL is used if there is one.
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
fn existing_headers_stay() {
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
}

/// A proxy's request, with the headers of the incoming one.
fn copied(uri: &str) -> Request<()> {
    Request::get(uri)
        .header("sentry-trace", format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-1"))
        .header("sentry-trace", "another")
        .header("baggage", "a=1,\tsentry-release=old")
        .header("baggage", "sentry-trace_id=old,b=2;p=\"x\"")
        .header("tracestate", "x=1, sentry=c..old,sentry-2=old")
        .header("tracestate", "sentryco=1,ot=th:0")
        .header("authorization", "secret")
        .body(())
        .expect(uri)
}

/// A request copied from an incoming one loses Sentry's headers, for every reason why this context
/// sends none of its own.
#[test]
fn a_copied_request_loses_the_callers_trace() {
    let nowhere = Sentry::builder().trace_propagation_targets([""; 0]).build().unwrap();
    let elsewhere = "https://elsewhere.example/";
    let api = "https://api.myecommerce.com/";
    for (name, propagator, cx, uri) in [
        ("a denied target", shop(), cx(), elsewhere),
        ("no targets", nowhere.propagator(), cx(), api),
        ("suppressed", shop(), cx().with_telemetry_suppressed(), api),
        ("suppressed, and denied", shop(), cx().with_telemetry_suppressed(), elsewhere),
        ("no trace", shop(), Context::new(), api),
        ("no trace, and denied", shop(), Context::new(), elsewhere),
        ("by the URL of the context", shop(), cx().with_outgoing_url(elsewhere), "/cart"),
    ] {
        let mut requests = [copied(uri), copied(uri)];
        inject_request(&propagator, &cx, &mut requests[0]);
        let url = if uri == "/cart" { elsewhere } else { uri };
        inject_headers(&propagator, &cx, url, requests[1].headers_mut());
        for request in requests {
            let headers = request.headers();
            assert!(!headers.contains_key(SENTRY_TRACE), "{name}: {headers:?}");
            let lines = |name| headers.get_all(name).iter().collect::<Vec<_>>();
            assert_eq!(lines("baggage"), ["a=1,b=2;p=\"x\""], "{name}");
            assert_eq!(lines("tracestate"), ["x=1,sentryco=1,ot=th:0"], "{name}");
            assert_eq!(headers["authorization"], "secret", "{name}");
        }
    }
    // Other parties' headers are unchanged, in their lines.
    let mut request = request(elsewhere, &["a=1 ", " b = 2"]);
    let before = request.headers().clone();
    inject_request(&shop(), &cx(), &mut request);
    assert_eq!(*request.headers(), before);
}

/// A list of 8192 bytes is within the limit and stays unchanged. Lines behind it are not sent; then
/// the list is written anew, without its space.
#[test]
fn a_copied_request_with_a_list_of_the_maximum_length() {
    let full = format!("a=1, b={}", "x".repeat(8192 - "a=1, b=".len()));
    let tight = full.replace(' ', "");
    for (baggage, stays) in [
        (&[&*full][..], &full),
        (&[&*full, "sentry-release=old"], &tight),
        (&[&*full, "", "c=1"], &tight),
    ] {
        let mut request = request("https://elsewhere.example/", baggage);
        inject_request(&shop(), &cx(), &mut request);
        let lines = request.headers().get_all("baggage").iter();
        let sent: Vec<&str> = lines.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(sent, [stays], "{} lines", baggage.len());
    }
}

#[test]
fn a_copied_request_gets_this_contexts_trace() {
    let mut request = copied("https://api.myecommerce.com/");
    inject_request(&shop(), &cx(), &mut request);
    let headers = request.headers();
    let lines = |name: &str| headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(lines("sentry-trace"), [&*sentry_trace("-1")]);
    assert_eq!(lines("tracestate"), ["x=1,sentryco=1,ot=th:0"]);
    let list = headers["baggage"].to_str().unwrap();
    assert!(list.starts_with("a=1,b=2;p=\"x\",tenant=7"), "{list}");
    assert!(!list.contains("old"), "{list}");
}

/// A propagator that does not write `sentry-trace` does not handle it.
#[test]
fn another_propagator_leaves_sentrys_headers_alone() {
    let mut request = copied("https://elsewhere.example/");
    let before = request.headers().clone();
    inject_request(&BaggagePropagator::new(), &Context::new(), &mut request);
    assert_eq!(*request.headers(), before);
}

/// The caller decided and this service's own span is not sampled: the service only forwards.
#[cfg(feature = "sdk")]
#[test]
fn a_forwarded_decision_is_in_traceparent_too() {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry::trace::{Span, Tracer, TracerProvider};

    let sentry = Sentry::builder().propagate_traceparent(true).build().unwrap();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .build();
    for (sampled, flag, w3c) in [(true, "-1", "01"), (false, "-0", "00")] {
        let incoming =
            std::collections::HashMap::from([("sentry-trace".to_owned(), sentry_trace(flag))]);
        let cx = sentry.propagator().extract(&incoming);
        let span = provider.tracer("shop").start_with_context("GET /", &cx);
        assert!(!span.is_recording() && !span.span_context().is_sampled(), "{sampled}");
        let id = span.span_context().span_id();
        let mut request = request("https://api.myecommerce.com/", &[]);
        inject_request(&sentry.propagator(), &cx.with_span(span), &mut request);
        let headers = request.headers();
        assert_eq!(headers[SENTRY_TRACE], format!("{TRACE_ID}-{id}{flag}"));
        assert_eq!(headers[TRACEPARENT], format!("00-{TRACE_ID}-{id}-{w3c}"));
    }
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
