//! `ot=th`: only on spans that are sampled at a known rate.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{
    headers, sentry_trace, span_context, Headers, DSN, OTHER_TRACE_ID, SPAN_ID, TRACE_ID,
};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN)
}

fn rate(rate: f64) -> SentryBuilder {
    shop().traces_sample_rate(rate)
}

fn function(rate: f64) -> SentryBuilder {
    shop().traces_sampler(move |_| rate)
}

fn ot(cx: &Context) -> Option<String> {
    span_context(cx).trace_state().get("ot").map(str::to_owned)
}

/// One sub-field of the `ot` member.
fn field(cx: &Context, key: &str) -> Option<String> {
    let ot = ot(cx)?;
    let fields = ot.split(';').filter_map(|field| field.split_once(':'));
    let found: Vec<&str> =
        fields.filter(|(name, _)| *name == key).map(|(_, value)| value).collect();
    assert!(found.len() <= 1, "{ot}");
    found.first().map(|value| (*value).to_owned())
}

/// A head's rate as a threshold of up to 14 digits without trailing zeros.
#[test]
fn of_a_head() {
    let rows = [
        ("rate 1", rate(1.0), Some("0")),
        ("rate 0.875", rate(0.875), Some("2")),
        ("rate 0.8", rate(0.8), Some("3333333333333")),
        ("function", function(0.8), Some("3333333333333")),
        ("rate 0.7, not sampled", rate(0.7), None),
        ("rate 0", rate(0.0), None),
        ("function, rate 0", function(0.0), None),
        ("no rate", shop(), None),
    ];
    for (name, builder, th) in rows {
        let service = Service::of(&builder.build().unwrap());
        let root = service.server(&Context::new(), "cart");
        for cx in [root.clone(), service.client(&root)] {
            assert_eq!(ot(&cx), th.map(|th| format!("th:{th}")), "{name}");
        }
    }
}

/// A continued trace has the head's rate as soon as it is extracted, or ours if ours was applied.
#[test]
fn of_a_continued_trace() {
    // The trace id's own sample_rand, 0.785811, needs no rv.
    let own = "sentry-sample_rand=0.785811";
    let known = |rate: &str| format!("{own},sentry-sample_rate={rate}");
    let rows = [
        ("sampled, known rate", "-1", known("0.8"), rate(0.1), Some("3333333333333")),
        ("sampled, no rate", "-1", own.to_owned(), rate(0.1), None),
        ("sampled, no rate here", "-1", known("0.8"), shop(), None),
        ("not sampled", "-0", known("0.5"), rate(0.1), None),
        ("deferred, undecided", "", own.to_owned(), shop(), None),
        ("deferred, sampled here", "", own.to_owned(), rate(0.875), Some("2")),
        ("deferred, not sampled here", "", own.to_owned(), rate(0.5), None),
        ("sampled, our own rate", "-1", known("0.8"), function(0.875), Some("2")),
        ("sampled, overridden", "-1", known("0.8"), function(0.5), None),
        ("not sampled, overridden", "-0", known("0.5"), function(0.875), Some("2")),
    ];
    for (name, flag, list, builder, th) in rows {
        let service = Service::of(&builder.build().unwrap());
        let incoming = headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", &*list)]);
        let remote = service.receive(&incoming);
        let known = flag == "-1" && list.contains("sample_rate=");
        assert_eq!(field(&remote, "th").is_some(), known, "{name}: on extract");
        let server = service.server(&remote, "cart");
        for cx in [server.clone(), service.client(&server)] {
            assert_eq!(field(&cx, "th").as_deref(), th, "{name}");
            assert_eq!(field(&cx, "rv"), None, "{name}");
            assert!(th.is_none() || cx.span().is_recording(), "{name}");
        }
    }
}

fn with_w3c(service: &Service, incoming: &Headers) -> Context {
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(service.sentry.propagator()),
    ]);
    list.extract(incoming)
}

/// With the `ot` member of upstream OTel samplers.
#[test]
fn of_a_trace_with_an_ot_member() {
    // The usual trace id's randomness is 0x36d5159a501700.
    let rows = [
        ("it holds", "01", "th:2;foo:bar", rate(0.1), Some("2")),
        ("it does not hold", "01", "th:8;foo:bar", rate(0.1), None),
        ("not sampled", "00", "th:2;foo:bar", rate(0.1), None),
        ("not recorded here", "01", "th:2;foo:bar", shop(), None),
        ("our rate", "01", "foo:bar;th:0", function(0.875), Some("2")),
        ("dropped by us", "01", "foo:bar;th:0", function(0.1), None),
        ("rv holds", "01", "rv:ffffffffffffff;th:8;foo:bar", rate(0.1), Some("8")),
        ("rv does not hold", "01", "th:8;rv:7fffffffffffff;foo:bar", rate(0.1), None),
        ("rv decides here", "00", "rv:80000000000000;foo:bar", function(0.5), Some("8")),
        ("rv decides against it", "00", "rv:7fffffffffffff;foo:bar", function(0.5), None),
    ];
    for (name, flags, member, builder, th) in rows {
        let service = Service::of(&builder.build().unwrap());
        let traceparent = format!("00-{TRACE_ID}-{SPAN_ID}-{flags}");
        let tracestate = format!("vendor=1,ot={member}");
        let incoming = headers([("traceparent", &*traceparent), ("tracestate", &*tracestate)]);
        let server = service.server(&with_w3c(&service, &incoming), "cart");
        for cx in [server.clone(), service.client(&server)] {
            assert_eq!(field(&cx, "th").as_deref(), th, "{name}");
            assert_eq!(field(&cx, "foo").as_deref(), Some("bar"), "{name}");
            let rv = member.split(';').find_map(|field| field.strip_prefix("rv:"));
            assert_eq!(field(&cx, "rv").as_deref(), rv, "{name}: never overwritten");
            assert_eq!(span_context(&cx).trace_state().get("vendor"), Some("1"), "{name}");
        }
    }
}

/// Compared as text, `th` would hold. Compared with the trace id, which decides, it does not.
#[test]
fn of_an_invalid_rv() {
    for rv in ["fffffffffffffff", "FFFFFFFFFFFFFF", "fffffffffffff", "+ffffffffffffff", ""] {
        let service = Service::of(&rate(0.1).build().unwrap());
        let traceparent = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        let tracestate = format!("ot=rv:{rv};th:8;foo:bar");
        let incoming = headers([("traceparent", &*traceparent), ("tracestate", &*tracestate)]);
        let server = service.server(&with_w3c(&service, &incoming), "cart");
        for cx in [server.clone(), service.client(&server)] {
            assert_eq!(field(&cx, "th"), None, "{rv}");
            assert_eq!(field(&cx, "foo").as_deref(), Some("bar"), "{rv}");
        }
    }
}

/// `sample_rand` takes precedence over `rv`. If they disagree, `th` would be false.
#[test]
fn of_a_decision_that_rv_contradicts() {
    for (rv, th) in [("10000000000000", None), ("f0000000000000", Some("8"))] {
        for (flag, list) in [
            ("", "sentry-sample_rand=0.1"),
            ("-1", "sentry-sample_rand=0.1,sentry-sample_rate=0.5"),
        ] {
            let service = Service::of(&rate(0.5).build().unwrap());
            let incoming = headers([
                ("sentry-trace", &*sentry_trace(flag)),
                ("baggage", list),
                ("traceparent", &*format!("00-{TRACE_ID}-{SPAN_ID}-00")),
                ("tracestate", &*format!("ot=rv:{rv}")),
            ]);
            let remote = with_w3c(&service, &incoming);
            let decided = th.filter(|_| flag == "-1");
            assert_eq!(field(&remote, "th").as_deref(), decided, "{rv}, {list}: on extract");
            let server = service.server(&remote, "cart");
            assert!(server.span().is_recording(), "{rv}, {list}");
            assert_eq!(field(&server, "th").as_deref(), th, "{rv}, {list}");
            assert_eq!(field(&server, "rv").as_deref(), Some(rv), "{list}");
        }
    }
}

/// The `ot` member of the remote parent, byte for byte: a correct one is unchanged.
#[test]
fn the_ot_member_on_extract() {
    // The usual trace id's randomness is 0x36d5159a501700.
    let rows = [
        ("-1", "foo:bar;th:2", "foo:bar;th:2"),
        ("-1", "rv:ffffffffffffff;th:8;foo:bar", "rv:ffffffffffffff;th:8;foo:bar"),
        ("-1", "th:8;foo:bar", "foo:bar"),
        ("-0", "th:2;foo:bar", "foo:bar"),
        ("-0", "th:8;foo:bar", "foo:bar"),
        ("-0", "foo:bar; rv:1", "foo:bar; rv:1"),
        ("-1", "th:zz;foo:bar", "foo:bar"),
        ("-1", "foo:bar;th:2;th:8", "th:2;foo:bar"),
    ];
    for (flag, member, expected) in rows {
        let service = Service::of(&rate(0.1).build().unwrap());
        let incoming = headers([
            ("sentry-trace", &*sentry_trace(flag)),
            ("traceparent", &*format!("00-{TRACE_ID}-{SPAN_ID}-00")),
            ("tracestate", &*format!("ot={member}")),
        ]);
        let remote = with_w3c(&service, &incoming);
        assert_eq!(ot(&remote).as_deref(), Some(expected), "{flag}, {member}");
    }
}

/// With M = 2^56 and k millionths: X = ceil(k*M/10^6), on the decision's side of the rate's K =
/// round(rate*M), and `rv` is M-1-X. A floating-point product would be off by one for k.
#[test]
fn the_rv_of_a_sample_rand() {
    let rows = [
        ("", "sentry-sample_rand=0.000249", "rv:ffefae7924af0a"),
        ("", "sentry-sample_rand=4.9999999999999996e-6", "rv:ffffbce4217d27"),
        (
            "-1",
            "sentry-sample_rand=0.0157,sentry-sample_rate=0.015700000000000002",
            "th:fbfb15b573eab3;rv:fbfb15b573eab3",
        ),
        ("-0", "sentry-sample_rand=0.1000007,sentry-sample_rate=0.1000005", "rv:e6665e02ea960a"),
    ];
    for (flag, list, expected) in rows {
        let service = Service::of(&shop().build().unwrap());
        let incoming = headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", list)]);
        let remote = service.receive(&incoming);
        assert_eq!(ot(&remote).as_deref(), Some(expected), "{list}");
    }
}

/// A DSC that names another trace is dropped with its rate and `sample_rand`.
#[test]
fn of_a_dsc_of_another_trace() {
    let service = Service::of(&shop().build().unwrap());
    let list = "sentry-sample_rand=0.785811,sentry-sample_rate=0.8";
    for (trace_id, expected) in [(TRACE_ID, Some("th:3333333333333")), (OTHER_TRACE_ID, None)] {
        let list = format!("sentry-trace_id={trace_id},{list}");
        let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", &*list)]);
        assert_eq!(ot(&service.receive(&incoming)).as_deref(), expected, "{trace_id}");
    }
}

/// The longest value has 256 bytes. A field that does not fit is removed, and a later one may stay.
#[test]
fn the_room_of_the_ot_member() {
    // The part before the kept fields has 16 bytes.
    const TH: &str = "th:3333333333333";
    let list = "sentry-sample_rand=0.785811,sentry-sample_rate=0.8";
    for (length, fits) in [(234, true), (235, true), (236, false), (240, false)] {
        let long = format!("foo:{}", "x".repeat(length));
        let service = Service::of(&shop().build().unwrap());
        let incoming = headers([
            ("sentry-trace", &*sentry_trace("-1")),
            ("baggage", list),
            ("traceparent", &*format!("00-{TRACE_ID}-{SPAN_ID}-01")),
            ("tracestate", &*format!("ot={long};b:1")),
        ]);
        let expected = if fits { format!("{TH};{long}") } else { format!("{TH};b:1") };
        assert_eq!(ot(&with_w3c(&service, &incoming)), Some(expected), "{length}");
    }
}
