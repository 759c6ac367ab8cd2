//! The `transaction` of a head's DSC: the root span's name, unless it may be a raw URL.

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{dsc_value, headers, sentry_trace, DSN};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sample_rate(1.0)
}

#[test]
fn which_names_are_sent() {
    let route = |route: &'static str| vec![KeyValue::new("http.route", route)];
    let rpc = vec![KeyValue::new("rpc.system", "grpc")];
    let path = vec![KeyValue::new("url.path", "/users/42")];
    let rows = [
        ("a word", "checkout", vec![], Some("checkout")),
        ("a method", "GET", route("/users/:id"), Some("GET")),
        ("encoded", "a b+c=d,e;f%é", vec![], Some("a%20b%2Bc%3Dd%2Ce%3Bf%25%C3%A9")),
        ("a path", "GET /users/42", vec![], None),
        ("a URL", "https://example.com/?token=1", vec![], None),
        ("a query", "search?q=1", vec![], None),
        ("a path after a path", "GET /users/42", path, None),
        ("a route", "GET /users/:id", route("/users/:id"), Some("GET%20%2Fusers%2F%3Aid")),
        ("only the route", "/users/:id", route("/users/:id"), Some("%2Fusers%2F%3Aid")),
        ("another route", "GET /users/42", route("/users/:id"), None),
        ("the end of a route", "GET /v1/users", route("/users"), None),
        ("a route without a space before it", "GET/users", route("/users"), None),
        ("an empty route", "GET /users/42", route(""), None),
        ("an empty route, a space", "/users/42 ", route(""), None),
        ("a route with a query", "GET /a?b", route("/a?b"), Some("GET%20%2Fa%3Fb")),
        ("RPC", "pkg.Cart/Add", rpc, Some("pkg.Cart%2FAdd")),
        ("RPC by another attribute", "a/b", vec![KeyValue::new("rpc.x", 1)], Some("a%2Fb")),
        ("not RPC", "a/b", vec![KeyValue::new("rpc", "x")], None),
    ];
    for (row, name, attributes, transaction) in rows {
        for builder in [shop(), shop().traces_sampler(|_| 1.0), shop().traces_sample_rate(0.0)] {
            let service = Service::of(&builder.build().unwrap());
            let root = service.start(&Context::new(), SpanKind::Server, name, &attributes);
            // The root's name, not that of the sending span.
            for cx in [root.clone(), service.client(&root)] {
                let sent = service.send(&cx);
                assert_eq!(dsc_value(&sent, "transaction"), transaction, "{row}");
            }
        }
    }
}

/// A longer name is not read.
#[test]
fn a_name_has_at_most_1000_bytes() {
    for (len, sent) in [(1000, true), (1001, false), (1_000_000, false)] {
        let service = Service::of(&shop().build().unwrap());
        let headers = service.send(&service.server(&Context::new(), &"x".repeat(len)));
        assert_eq!(dsc_value(&headers, "transaction").is_some(), sent, "{len}");
        assert_eq!(dsc_value(&headers, "sample_rate"), Some("1"), "{len}");
    }
}

/// The name at the span's start: the DSC of a trace must not change later.
#[test]
fn a_later_name_does_not_count() {
    let service = Service::of(&shop().build().unwrap());
    let root = service.server(&Context::new(), "first");
    root.span().update_name("second");
    assert_eq!(dsc_value(&service.send(&root), "transaction"), Some("first"));
}

#[test]
fn only_a_decided_head_has_one() {
    let undecided = Service::of(&Sentry::builder().dsn(DSN).build().unwrap());
    let sent = undecided.send(&undecided.server(&Context::new(), "cart"));
    assert_eq!(dsc_value(&sent, "transaction"), None, "undecided");

    let service = Service::of(&shop().build().unwrap());
    let list = "sentry-release=theirs";
    for (name, trace, list) in
        [("continued", "-1", list), ("bare", "-1", ""), ("deferred", "", list)]
    {
        let incoming = headers([("sentry-trace", &*sentry_trace(trace)), ("baggage", list)]);
        let server = service.server(&service.receive(&incoming), "cart");
        assert_eq!(dsc_value(&service.send(&server), "transaction"), None, "{name}");
    }
}
