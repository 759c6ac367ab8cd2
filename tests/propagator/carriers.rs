//! The same trace through the global propagator, string maps and HTTP headers.

use http::{HeaderMap, HeaderValue};
use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sentry::{
    Sentry, SentryPropagator, BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER,
};

use crate::common::{headers, inject, sentry_trace, Headers, SPAN_ID, TRACE_ID};

/// A DSC whose details a careless SDK would change.
const DSC: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-public_key=49d0f738,\
                   sentry-sample_rand=0.424242,sentry-sampled=true,sentry-release=shop%401.2.3,\
                   sentry-environment=,sentry-a-b=c=d,sentry-vendor=a+b%2bc";

fn incoming(flag: &str, baggage: &str) -> Headers {
    headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", baggage)])
}

#[test]
fn through_the_global_propagator() {
    global::set_text_map_propagator(SentryPropagator::new());
    let incoming = incoming("-1", &format!("other=1,{DSC}"));
    let cx = global::get_text_map_propagator(|propagator| propagator.extract(&incoming));
    let mut sent = Headers::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&cx, &mut sent));

    let span = cx.span();
    assert_eq!(span.span_context().trace_id().to_string(), TRACE_ID);
    assert_eq!(span.span_context().span_id().to_string(), SPAN_ID);
    assert!(span.span_context().is_sampled() && span.span_context().is_remote());
    assert_eq!(sent, headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", DSC)]));
}

/// HTTP: names in any case, `baggage` in several lines. Injected headers replace existing ones.
#[test]
fn through_http_headers() {
    let mut incoming = HeaderMap::new();
    let (first, second) = DSC.split_at(DSC.find(",sentry-release").unwrap());
    incoming.insert("Sentry-Trace", sentry_trace("-1").parse().unwrap());
    for line in ["tenant=7", first, &second[1..]] {
        incoming.append("Baggage", line.parse().unwrap());
    }
    let propagator = SentryPropagator::new();
    let cx = propagator.extract(&HeaderExtractor(&incoming));
    let mut sent = HeaderMap::new();
    sent.insert("sentry-trace", HeaderValue::from_static("old"));
    sent.append("baggage", HeaderValue::from_static("old"));
    sent.append("baggage", HeaderValue::from_static("older"));
    propagator.inject_context(&cx, &mut HeaderInjector(&mut sent));

    assert_eq!(sent.len(), 2);
    assert_eq!(sent[SENTRY_TRACE_HEADER], sentry_trace("-1"));
    assert_eq!(sent[BAGGAGE_HEADER], DSC);
}

/// Tracing without a tracer: flag, span id and DSC are forwarded unchanged.
#[test]
fn a_remote_span_alone_is_forwarded() {
    let configured = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
        .release("relay@9")
        .traces_sample_rate(0.5)
        .build()
        .unwrap();
    let with_rand = "sentry-sample_rand=0.1,sentry-x=1";
    for propagator in [SentryPropagator::new(), configured.propagator()] {
        for flag in ["-1", "-0", ""] {
            for (baggage, forwarded) in [
                (DSC, Some(DSC)),
                (with_rand, Some(with_rand)),
                ("", None),
                ("tenant=7", None),
                (" , ,tenant=7;p, sentry-sample_rand=0.1;p=1 ", Some("sentry-sample_rand=0.1")),
            ] {
                let cx = propagator.extract(&incoming(flag, baggage));
                let sent = inject(&propagator, &cx);

                let mut expected = headers([("sentry-trace", &*sentry_trace(flag))]);
                expected.extend(forwarded.map(|list| ("baggage".to_owned(), list.to_owned())));
                assert_eq!(sent, expected, "{flag:?}, {baggage:?}");
            }
        }
    }
}

#[test]
fn injecting_twice_equals_injecting_once() {
    let propagator = Sentry::builder().propagate_traceparent(true).build().unwrap().propagator();
    let cx = propagator.extract(&incoming("-1", DSC));

    let once = inject(&propagator, &cx);
    let mut twice = once.clone();
    propagator.inject_context(&cx, &mut twice);
    assert_eq!(twice, once);

    let mut map = HeaderMap::new();
    propagator.inject_context(&cx, &mut HeaderInjector(&mut map));
    let once = map.clone();
    propagator.inject_context(&cx, &mut HeaderInjector(&mut map));
    assert_eq!(map, once);
    assert_eq!(map.len(), 3);
}

#[test]
fn fields_are_the_written_headers() {
    let (plain, traceparent) =
        (vec![SENTRY_TRACE_HEADER, BAGGAGE_HEADER], TRACEPARENT_HEADER.to_owned());
    for (propagate, rewrite, more) in [
        (false, false, vec![]),
        (true, false, vec![traceparent.as_str()]),
        (false, true, vec!["tracestate"]),
        (true, true, vec![traceparent.as_str(), "tracestate"]),
    ] {
        let sentry = Sentry::builder()
            .propagate_traceparent(propagate)
            .rewrite_tracestate(rewrite)
            .build()
            .unwrap();
        let expected = [plain.clone(), more].concat();
        assert_eq!(sentry.propagator().fields().collect::<Vec<_>>(), expected);

        let cx = sentry.propagator().extract(&incoming("-1", DSC));
        let sent = inject(&sentry.propagator(), &cx);
        let mut written: Vec<&str> = sent.keys().map(String::as_str).collect();
        let mut expected = expected;
        written.sort_unstable();
        expected.sort_unstable();
        assert_eq!(written, expected);
    }
    assert_eq!(SentryPropagator::default().fields().collect::<Vec<_>>(), plain);
}

/// `01` exactly if sentry-trace has `-1`, and never a `tracestate`.
#[test]
fn traceparent_agrees_with_sentry_trace() {
    let propagator = Sentry::builder().propagate_traceparent(true).build().unwrap().propagator();
    for (flag, w3c) in [("-1", "01"), ("-0", "00"), ("", "00")] {
        let cx = propagator.extract_with_context(&Context::new(), &incoming(flag, DSC));
        let sent = inject(&propagator, &cx);
        assert_eq!(sent["traceparent"], format!("00-{TRACE_ID}-{SPAN_ID}-{w3c}"));
        assert_eq!(sent["sentry-trace"], sentry_trace(flag));
        assert!(!sent.contains_key("tracestate"));
    }
}
