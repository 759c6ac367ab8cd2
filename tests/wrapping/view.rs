//! The headers that the inner propagator sees.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::Sentry;

use super::inner::{bare, headers, sentry, GetOnly, RecordsReads, B3, SPAN, TRACE};

const NAMES: [&str; 4] = ["Baggage", "TraceParent", "sentry-trace", "x-other"];

/// A request with several lines.
fn request(lines: &[(&'static str, &str)]) -> http::HeaderMap {
    let mut map = http::HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, http::HeaderValue::from_str(value).expect("a value"));
    }
    map
}

fn read_of_headers(
    found: &(Option<String>, Option<Vec<String>>, bool),
) -> (Option<&str>, Vec<&str>, bool) {
    let all = found.1.iter().flatten().map(String::as_str).collect();
    (found.0.as_deref(), all, found.2)
}

#[test]
fn baggage_is_one_list_without_sentrys_members() {
    let sees = RecordsReads::new(&["traceparent", "baggage"], &NAMES);
    let wrapped = bare().wrap(sees.clone());
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let lines = request(&[
        ("baggage", "a=1, sentry-release=x;p ,b=%C3%a9;q"),
        ("sentry-trace", &sentry_trace),
        ("baggage", "sentry-a=1"),
        ("baggage", "c==d,no-value"),
        ("traceparent", "first"),
        ("traceparent", "second"),
        ("x-other", "other"),
    ]);
    let _ = wrapped.extract_with_context(&Context::new(), &HeaderExtractor(&lines));
    let seen = sees.last();
    let list = "a=1,b=%C3%a9;q,c==d,no-value";
    assert_eq!(read_of_headers(&seen[0]), (Some(list), vec![list], true));
    assert_eq!(read_of_headers(&seen[1]), (Some("first"), vec!["first", "second"], true));
    assert_eq!(read_of_headers(&seen[2]), (Some(&*sentry_trace), vec![&*sentry_trace], true));
    assert_eq!(read_of_headers(&seen[3]), (Some("other"), vec!["other"], true));
}

#[test]
fn of_a_rejected_trace_it_sees_only_the_others_baggage() {
    let sees = RecordsReads::new(&["TRACEPARENT", "Baggage", "Sentry-Trace"], &NAMES);
    let wrapped = sentry().propagator().wrap(sees.clone());
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let lines = request(&[
        ("baggage", "a=1,sentry-org_id=7,b=2"),
        ("sentry-trace", &sentry_trace),
        ("traceparent", "first"),
        ("x-other", "other"),
    ]);
    let _ = wrapped.extract_with_context(&Context::new(), &HeaderExtractor(&lines));
    let seen = sees.last();
    assert_eq!(read_of_headers(&seen[0]), (Some("a=1,b=2"), vec!["a=1,b=2"], true));
    assert_eq!(read_of_headers(&seen[1]), (None, vec![], false));
    assert_eq!(read_of_headers(&seen[2]), (None, vec![], false));
    assert_eq!(read_of_headers(&seen[3]), (Some("other"), vec!["other"], true), "no field of it");
}

/// A carrier may implement only `get`.
#[test]
fn get_is_enough() {
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let traceparent = format!("00-{TRACE}-7dd6b3a1fb4d9c2a-00");
    let carrier = GetOnly(headers([
        ("sentry-trace", &*sentry_trace),
        ("traceparent", &*traceparent),
        ("tracestate", "vendor=1"),
        ("baggage", "a=1,sentry-release=shop%40,b=2,sentry-sample_rand=0.250000"),
    ]));
    let wrapped = bare().wrap(crate::lists::list([crate::lists::w3c(), crate::lists::baggage()]));
    let cx = wrapped.extract_with_context(&Context::new(), &carrier);
    let span = cx.span();
    let span = span.span_context();
    assert_eq!(
        (span.trace_id().to_string(), span.span_id().to_string()),
        (TRACE.into(), SPAN.into())
    );
    assert!(span.is_sampled() && span.is_remote());
    assert_eq!(span.trace_state().get("vendor"), Some("1"));
    let own: Vec<&str> = cx.baggage().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(own.len(), 2, "{own:?}");
    let sent = super::inner::inject(&wrapped, &cx);
    assert!(sent["baggage"].ends_with("sentry-release=shop%40,sentry-sample_rand=0.250000"));

    let refused = GetOnly(headers([
        ("sentry-trace", &*sentry_trace),
        ("traceparent", &*traceparent),
        ("baggage", "a=1,sentry-org_id=7"),
    ]));
    let wrapped = sentry()
        .propagator()
        .wrap(crate::lists::list([crate::lists::w3c(), crate::lists::baggage()]));
    let cx = wrapped.extract_with_context(&Context::new(), &refused);
    assert!(!cx.span().span_context().is_valid());
    assert_eq!(cx.baggage().len(), 1);
}

/// The stock propagator reads only the first of repeated headers; wrapped, it reads all.
#[test]
fn repeated_baggage_headers_are_complete() {
    let lines = request(&[("baggage", "a=1"), ("baggage", "sentry-x=1,b=2"), ("baggage", "c=3")]);
    let wrapped = bare().wrap(BaggagePropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &HeaderExtractor(&lines));
    assert_eq!(cx.baggage().len(), 3);
    let alone =
        BaggagePropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(&lines));
    assert_eq!(alone.baggage().len(), 1);
}

/// `sentry%2D` decodes to the prefix only after filtering.
#[test]
fn an_encoded_prefix_adds_no_member() {
    let incoming = headers([("baggage", "sentry%2Drelease=stray,a=1")]);
    let wrapped = bare().wrap(BaggagePropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &incoming);
    let keys: Vec<&str> = cx.baggage().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["a"]);
}

/// B3's ids instead of W3C's.
#[test]
fn b3_is_a_parent_like_w3c() {
    let b3 =
        |trace, span| vec![("x-b3-traceid", trace), ("x-b3-spanid", span), ("x-b3-sampled", "1")];
    let other = "771a43a4192642f0b136d5159a501700";
    let sentry_trace = format!("{TRACE}-{SPAN}-0");
    let dsc = format!("sentry-trace_id={TRACE},sentry-sample_rand=0.500000");
    for (name, mut lines, trace_id, span_id, sampled) in [
        ("alone", b3(TRACE, SPAN), TRACE, SPAN, true),
        ("same trace", b3(TRACE, "7dd6b3a1fb4d9c2a"), TRACE, SPAN, false),
        ("another trace", b3(other, "7dd6b3a1fb4d9c2a"), TRACE, SPAN, false),
    ] {
        if name != "alone" {
            lines.push(("sentry-trace", &sentry_trace));
        }
        lines.push(("baggage", &dsc));
        let wrapped = bare().wrap(B3::new());
        let cx = wrapped.extract_with_context(&Context::new(), &headers(lines));
        let sent = super::inner::inject(&wrapped, &cx);
        let flag = u8::from(sampled);
        assert_eq!(sent["sentry-trace"], format!("{trace_id}-{span_id}-{flag}"), "{name}");
        assert_eq!(sent["x-b3-traceid"], trace_id, "{name}");
        assert_eq!(sent["x-b3-sampled"], flag.to_string(), "{name}");
        assert_eq!(sent["baggage"], dsc, "{name}");
    }
}

/// An earlier active remote parent does not belong to this request.
#[test]
fn an_earlier_parent_does_not_belong_to_this_request() {
    let before = "771a43a4192642f0b136d5159a501700";
    let earlier = headers([("traceparent", &*format!("00-{before}-7dd6b3a1fb4d9c2a-01"))]);
    let wrapped = bare().wrap(TraceContextPropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &earlier);

    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let now =
        headers([("sentry-trace", &*sentry_trace), ("baggage", "sentry-sample_rand=0.500000")]);
    let continued = wrapped.extract_with_context(&cx, &now);
    assert_eq!(continued.span().span_context().trace_id().to_string(), TRACE);

    let prefers = Sentry::builder().prefer_traceparent(true).build().expect("settings");
    let wrapped = prefers.propagator().wrap(TraceContextPropagator::new());
    let continued = wrapped.extract_with_context(&cx, &now);
    assert_eq!(continued.span().span_context().trace_id().to_string(), TRACE);
}
