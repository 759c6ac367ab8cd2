//! HTTP's header map: bytes outside ASCII, and several lines.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::{HeaderMapExtractor, SentryPropagator};
use quickcheck::{Gen, QuickCheck};

use crate::common::{inject, sentry_trace, span_context, TRACE_ID};

fn map<'a>(lines: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_bytes(value).expect("a value"));
    }
    map
}

fn wrap() -> impl TextMapPropagator {
    SentryPropagator::new().wrap(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]))
}

/// Lines of `baggage`, and the continued DSC and `tenant`.
type Row = (&'static [&'static [u8]], &'static str, Option<&'static str>);

const ROWS: [Row; 7] = [
    (&[b"tenant=7,sentry-release=1"], "sentry-release=1", Some("7")),
    (&[b"tenant=Jos\xe9,sentry-release=1"], "sentry-release=1", Some("José")),
    (&[b"tenant=Jos\xc3\xa9,sentry-release=1"], "sentry-release=1", Some("José")),
    (
        &[b"sentry-release=caf\xe9@1,sentry-x=caf\xc3\xa9,tenant=7"],
        "sentry-release=caf%C3%A9@1,sentry-x=caf%C3%A9",
        Some("7"),
    ),
    (
        &[b"sentry-a=1", b"x=\xff,sentry-b=2", b"sentry-c=3,tenant=7", b"sentry-d=\xfe"],
        "sentry-a=1,sentry-b=2,sentry-c=3,sentry-d=%C3%BE",
        Some("7"),
    ),
    (&[b"\xff\xfe,sentry-a=1,\xe9"], "sentry-a=1", None),
    // Truncated UTF-8.
    (&[b"sentry-a=\xf0\x9f\x92,tenant=7"], "sentry-a=%C3%B0%C2%9F%C2%92", Some("7")),
];

#[test]
fn a_byte_outside_ascii_costs_at_most_its_member() {
    let trace = sentry_trace("-1");
    for (lines, dsc, tenant) in ROWS {
        // A missing `sample_rand` is filled in.
        let lines = lines.iter().copied().chain([b"sentry-sample_rand=0.25".as_slice()]);
        let lines = lines.map(|line| ("baggage", line));
        let headers = map([("sentry-trace", trace.as_bytes())].into_iter().chain(lines));
        let carrier = HeaderMapExtractor::new(&headers);
        let wrapped = wrap().extract_with_context(&Context::new(), &carrier);
        let found = wrapped.baggage().get("tenant").map(|value| value.as_str().to_owned());
        assert_eq!(found.as_deref(), tenant, "{headers:?}");

        let alone = SentryPropagator::new().extract_with_context(&Context::new(), &carrier);
        for cx in [&alone, &wrapped] {
            assert_eq!(span_context(cx).trace_id().to_string(), TRACE_ID);
            let sent = inject(&SentryPropagator::new(), &cx.with_cleared_baggage());
            let list = sent.get("baggage").expect("a list");
            assert_eq!(*list, format!("{dsc},sentry-sample_rand=0.25"), "{headers:?}");
        }
    }
}

/// The reason for this extractor: OpenTelemetry's hides the line.
#[test]
fn opentelemetry_https_extractor_hides_the_line() {
    let trace = sentry_trace("-1");
    let headers = map([
        ("sentry-trace", trace.as_bytes()),
        ("baggage", b"tenant=Jos\xe9,sentry-release=1".as_slice()),
    ]);
    let cx = wrap().extract_with_context(&Context::new(), &HeaderExtractor(&headers));
    assert!(cx.span().span_context().is_valid());
    assert_eq!(inject(&SentryPropagator::new(), &cx).get("baggage"), None);
}

#[test]
fn names_lines_and_debug() {
    let headers = map([
        ("a", b"1\xff".as_slice()),
        ("b", b"secret"),
        ("a", b"2"),
        ("a", b"\xc3\xa9\xe9"),
        ("b", b"\xff"),
    ]);
    let carrier = HeaderMapExtractor::new(&headers);
    assert_eq!((carrier.get("A"), carrier.get("b")), (Some("1%C3%BF"), Some("secret")));
    assert_eq!(carrier.get_all("A"), Some(vec!["1%C3%BF", "2", "%C3%A9%C3%A9"]));
    assert_eq!(carrier.get_all("b"), Some(vec!["secret", "%C3%BF"]));
    assert_eq!((carrier.get("c"), carrier.get_all("c"), carrier.get("é")), (None, None, None));
    assert_eq!(carrier.clone().keys(), ["a", "b"]);
    assert_eq!(format!("{carrier:?}"), "HeaderMapExtractor [\"a\", \"b\"]");
}

/// For any bytes: all lines, in order, as ASCII. ASCII lines are unchanged.
#[test]
fn every_line_is_given() {
    fn given(lines: Vec<(bool, Vec<u8>)>) {
        let lines: Vec<(&str, Vec<u8>)> = lines
            .into_iter()
            .map(|(is_a, mut line)| {
                line.retain(|byte| HeaderValue::from_bytes(&[*byte]).is_ok());
                (if is_a { "a" } else { "b" }, line)
            })
            .collect();
        let headers = map(lines.iter().map(|(name, line)| (*name, line.as_slice())));
        let carrier = HeaderMapExtractor::new(&headers);
        for name in ["a", "b"] {
            let named: Vec<&[u8]> =
                lines.iter().filter(|line| line.0 == name).map(|line| &*line.1).collect();
            let given = carrier.get_all(name).unwrap_or_default();
            assert_eq!(given.len(), named.len());
            assert_eq!(carrier.get(name), given.first().copied());
            for (given, line) in given.into_iter().zip(named) {
                assert!(given.is_ascii(), "{given}");
                if line.is_ascii() {
                    assert_eq!(given.as_bytes(), line);
                } else {
                    let had_one = line.windows(3).any(|bytes| bytes == b"%25");
                    assert!(given.contains('%') && given.contains("%25") == had_one, "{given}");
                }
            }
        }
    }
    QuickCheck::new().tests(256).rng(Gen::new(10)).quickcheck(given as fn(Vec<(bool, Vec<u8>)>));
}
