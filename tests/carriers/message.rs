//! Messages as in Kafka and AMQP: byte values, repeated names.

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{
    continue_trace, trace_data, MessageExtractor, MessageInjector, SentryPropagator,
};

use crate::common::{remote, sentry_trace, span_context, TRACE_ID};

type Headers = Vec<(String, Vec<u8>)>;

fn extractor(headers: &Headers) -> MessageExtractor<'_> {
    MessageExtractor::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
}

fn headers<const N: usize>(pairs: [(&str, &[u8]); N]) -> Headers {
    pairs.map(|(name, value)| (name.to_owned(), value.to_vec())).to_vec()
}

/// Each list of headers, and the `baggage` of the continued trace, or `None`.
#[test]
fn what_a_consumer_continues() {
    let trace = sentry_trace("-1");
    let trace = trace.as_bytes();
    let rows: [(&str, Headers, Option<Option<&str>>); 8] = [
        ("the trace", headers([("sentry-trace", trace)]), Some(None)),
        ("in another case", headers([("Sentry-Trace", trace)]), Some(None)),
        (
            "repeated baggage",
            headers([
                ("baggage", b"tenant=7,sentry-a=1"),
                ("sentry-trace", trace),
                ("payload", &[0xff; 64]),
                ("BAGGAGE", b"sentry-sample_rand=0.25,sentry-a=3"),
            ]),
            Some(Some("sentry-a=3,sentry-sample_rand=0.25")),
        ),
        (
            "baggage in Latin-1, then in UTF-8",
            headers([
                ("sentry-trace", trace),
                ("baggage", b"tenant=Jos\xe9,sentry-a=Jos\xe9"),
                ("baggage", "sentry-sample_rand=0.25,sentry-b=José".as_bytes()),
            ]),
            Some(Some("sentry-a=Jos%C3%A9,sentry-sample_rand=0.25,sentry-b=Jos%C3%A9")),
        ),
        (
            "two traces, the first not text",
            headers([("sentry-trace", b"\xff\xfe"), ("sentry-trace", trace)]),
            Some(None),
        ),
        (
            "two traces, the first invalid",
            headers([("sentry-trace", b"1"), ("sentry-trace", trace)]),
            Some(None),
        ),
        ("not text", headers([("sentry-trace", b"\x00\xff")]), None),
        ("nothing", Headers::new(), None),
    ];
    for (name, headers, expected) in rows {
        let cx = continue_trace(&SentryPropagator::new(), &extractor(&headers));
        assert_eq!(cx.has_active_span(), expected.is_some(), "{name}");
        if let Some(baggage) = expected {
            assert_eq!(span_context(&cx).trace_id().to_string(), TRACE_ID, "{name}");
            assert_eq!(trace_data(&SentryPropagator::new(), &cx).get("baggage"), baggage, "{name}");
        }
    }
}

/// A resent message has each trace header once. Its other headers are unchanged.
#[test]
fn what_a_producer_sends() {
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let own: (&str, &[u8]) = ("content-type", b"\xffbinary");
    let mut sent = headers([
        own,
        ("sentry-trace", b"from an earlier try"),
        ("SENTRY-TRACE", b"from the previous message"),
    ]);
    for _ in 0..3 {
        SentryPropagator::new().inject_context(&cx, &mut MessageInjector(&mut sent));
        assert_eq!(sent, headers([own, ("sentry-trace", sentry_trace("-1").as_bytes())]));
    }
}

#[test]
fn keys_and_debug() {
    let mut headers = headers([("a", b"secret"), ("b", b"\xff"), ("a", b"2")]);
    let carrier = extractor(&headers);
    assert_eq!(carrier.keys(), ["a", "b", "a"]);
    assert_eq!(carrier.get_all("A"), Some(vec!["secret", "2"]));
    assert_eq!((carrier.get("b"), carrier.get_all("b")), (Some("%C3%BF"), Some(vec!["%C3%BF"])));
    assert_eq!((carrier.get("c"), carrier.get_all("c")), (None, None));
    assert_eq!(format!("{carrier:?}"), "MessageExtractor { len: 3, .. }");
    assert_eq!(format!("{:?}", MessageInjector(&mut headers)), "MessageInjector { len: 3, .. }");
}
