//! The URL of a span's request, from its attributes at the start.

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sentry::{Sentry, SentryBuilder, Target};

use crate::common::service::Service;
use crate::common::{headers, sentry_trace, Headers, DSN};

fn api() -> SentryBuilder {
    Sentry::builder()
        .dsn(DSN)
        .trace_propagation_targets(["https://api.example.com/", "https://[::1]:8443/"])
}

fn attributes(pairs: &[(&'static str, Value)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect()
}

/// The headers of a span with these attributes, as root and below a local and a remote span,
/// recorded and not.
fn sends(builder: SentryBuilder, kind: SpanKind, attributes: &[KeyValue]) -> Vec<Headers> {
    let trace = |flag| headers([("sentry-trace", &*sentry_trace(flag))]);
    let builders = [
        builder.clone(),
        builder.clone().traces_sample_rate(0.0),
        builder.clone().traces_sample_rate(1.0),
        builder.traces_sampler(|_| 1.0),
    ];
    let mut sent = Vec::new();
    for builder in builders {
        let service = Service::of(&builder.build().unwrap());
        let remote = service.receive(&trace("-1"));
        let parents = [
            Context::new(),
            service.receive(&trace("")),
            service.receive(&trace("-0")),
            service.server(&Context::new(), "local root"),
            service.server(&remote, "below remote"),
            remote,
        ];
        for parent in parents {
            sent.push(service.send(&service.start(&parent, kind.clone(), "GET", attributes)));
        }
    }
    sent
}

#[test]
fn the_url_of_a_span() {
    let full = |url: &'static str| attributes(&[("url.full", url.into())]);
    let parts = |address: &'static str, port: Option<Value>, path: Option<&'static str>| {
        let mut pairs = vec![("url.scheme", "https".into()), ("server.address", address.into())];
        pairs.extend(port.map(|port| ("server.port", port)));
        pairs.extend(path.map(|path| ("url.path", path.into())));
        attributes(&pairs)
    };
    let (allowed, other) = ("api.example.com", "tracker.example");
    let pair = |first: (&'static str, Value), second| attributes(&[first, second]);
    let rows = [
        ("url.full, allowed", full("https://api.example.com/cart?x=1"), true),
        ("url.full, denied", full("https://tracker.example/"), false),
        ("http.url, allowed", attributes(&[("http.url", "https://api.example.com/".into())]), true),
        ("http.url, denied", attributes(&[("http.url", "https://tracker.example/".into())]), false),
        (
            "url.full wins over http.url",
            pair(
                ("http.url", "https://tracker.example/".into()),
                ("url.full", "https://api.example.com/".into()),
            ),
            true,
        ),
        ("parts, allowed", parts(allowed, None, Some("/cart")), true),
        ("parts, denied", parts(other, None, Some("/cart")), false),
        ("parts without a path don't contain the target's", parts(allowed, None, None), false),
        ("parts with another port", parts(allowed, Some(8443.into()), Some("/")), false),
        ("parts with a port, IPv6", parts("::1", Some(8443.into()), Some("/")), true),
        ("parts with a port as text", parts("[::1]", Some("8443".into()), Some("/")), true),
        (
            "url.full wins over parts",
            [parts(other, None, Some("/")), full("https://api.example.com/")].concat(),
            true,
        ),
        ("an empty url.full is ignored", [full(""), parts(other, None, None)].concat(), false),
        ("no attributes", Vec::new(), true),
        ("a path alone", attributes(&[("url.path", "/x".into())]), true),
        ("a scheme alone", attributes(&[("url.scheme", "https".into())]), true),
        ("a port alone", attributes(&[("server.port", 443.into())]), true),
    ];
    for (name, attributes, allowed) in rows {
        for kind in [SpanKind::Client, SpanKind::Producer] {
            for sent in sends(api(), kind.clone(), &attributes) {
                assert_eq!(sent.contains_key("sentry-trace"), allowed, "{name}, {kind:?}");
                assert_eq!(sent.is_empty(), !allowed, "{name}, {kind:?}: {sent:?}");
            }
        }
    }
}

/// Without a scheme, and with older attribute names.
#[test]
fn the_address_of_a_span() {
    let other = "tracker.example";
    let scheme = ("http.scheme", "https".into());
    let rows = [
        ("address", vec![("server.address", "api.example.com".into())], true),
        ("address, other", vec![("server.address", other.into())], false),
        ("address, Sentry", vec![("server.address", "o1.ingest.sentry.io".into())], false),
        (
            "address and port",
            vec![("server.address", "broker.example".into()), ("server.port", 9092.into())],
            true,
        ),
        (
            "address and another port",
            vec![("server.address", "broker.example".into()), ("server.port", 9093.into())],
            false,
        ),
        (
            "address and port, Sentry",
            vec![("server.address", "o1.ingest.sentry.io".into()), ("server.port", 443.into())],
            false,
        ),
        ("IPv6", vec![("server.address", "::1".into()), ("server.port", 8443.into())], true),
        ("http.host", vec![scheme.clone(), ("http.host", "old.example".into())], true),
        ("http.host, port", vec![scheme.clone(), ("http.host", "old.example:443".into())], true),
        (
            "http.host, another port",
            vec![scheme.clone(), ("http.host", "old.example:1".into())],
            false,
        ),
        ("http.host, other", vec![scheme.clone(), ("http.host", other.into())], false),
        ("http.host alone", vec![("http.host", other.into())], false),
        (
            "http.host, another scheme",
            vec![("http.scheme", "http".into()), ("http.host", "old.example".into())],
            false,
        ),
        (
            "http.host, a path",
            vec![
                scheme.clone(),
                ("http.host", "api.example.com".into()),
                ("http.target", "/x".into()),
            ],
            true,
        ),
        ("net.peer.name", vec![scheme.clone(), ("net.peer.name", "old.example".into())], true),
        (
            "net.peer.name, port",
            vec![
                scheme.clone(),
                ("net.peer.name", "old.example".into()),
                ("net.peer.port", 443.into()),
            ],
            true,
        ),
        (
            "net.peer.name, another port",
            vec![
                scheme.clone(),
                ("net.peer.name", "old.example".into()),
                ("net.peer.port", 80.into()),
            ],
            false,
        ),
        ("net.peer.name alone, other", vec![("net.peer.name", other.into())], false),
        (
            "server.address comes first",
            vec![("net.peer.name", other.into()), ("server.address", "api.example.com".into())],
            true,
        ),
        (
            "so does url.full",
            vec![("server.address", other.into()), ("url.full", "https://old.example/".into())],
            true,
        ),
    ];
    let targets = || {
        [
            Target::from("API.example.com"),
            Target::from("broker.example:9092"),
            Target::origin("https://old.example"),
            Target::origin("https://[::1]:8443"),
            Target::from("sentry.io"),
        ]
    };
    for (name, pairs, allowed) in rows {
        let strict = || Sentry::builder().dsn(DSN).deny_unknown_urls(true);
        for builder in [Sentry::builder().dsn(DSN), strict()] {
            let builder = builder.trace_propagation_targets(targets());
            for kind in [SpanKind::Client, SpanKind::Producer] {
                for sent in sends(builder.clone(), kind.clone(), &attributes(&pairs)) {
                    assert_eq!(!sent.is_empty(), allowed, "{name}, {kind:?}: {sent:?}");
                }
            }
        }
    }
}

/// Only a span that sends a request has a destination: a server's URL is its own.
#[test]
fn other_kinds_have_no_destination() {
    let url = attributes(&[("url.full", "https://tracker.example/".into())]);
    for kind in [SpanKind::Internal, SpanKind::Server, SpanKind::Consumer] {
        for sent in sends(api(), kind.clone(), &url) {
            assert!(sent.contains_key("sentry-trace"), "{kind:?}");
        }
    }
}

/// If unknown URLs are denied, a known one in the list still gets headers.
#[test]
fn unknown_urls_can_be_denied() {
    let full = |url: &'static str| attributes(&[("url.full", url.into())]);
    let rows = [
        ("unknown", SpanKind::Client, Vec::new(), false),
        ("allowed", SpanKind::Client, full("https://api.example.com/"), true),
        ("allowed producer", SpanKind::Producer, full("https://api.example.com/"), true),
        ("denied", SpanKind::Client, full("https://tracker.example/"), false),
        ("a server's URL", SpanKind::Server, full("https://api.example.com/"), false),
        ("no request", SpanKind::Internal, full("https://api.example.com/"), false),
    ];
    for (name, kind, attributes, allowed) in rows {
        for sent in sends(api().deny_unknown_urls(true), kind.clone(), &attributes) {
            assert_eq!(!sent.is_empty(), allowed, "{name}: {sent:?}");
        }
    }
    // Without a list every known URL is allowed.
    let everywhere = || Sentry::builder().deny_unknown_urls(true);
    for sent in sends(everywhere(), SpanKind::Client, &full("https://tracker.example/")) {
        assert!(!sent.is_empty(), "known, no targets");
    }
    for sent in sends(everywhere(), SpanKind::Client, &[]) {
        assert!(sent.is_empty(), "unknown, no targets");
    }
}
