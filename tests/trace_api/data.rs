//! `trace_data`: the headers for a context, in order, or none.

use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::{trace_data, OutgoingUrlExt, Sentry, SentryPropagator, TraceData};

use crate::common::{remote, sentry_trace, DSN, SPAN_ID, TRACE_ID};

fn cx() -> Context {
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    cx.with_baggage([KeyValue::new("tenant", "7")])
}

fn names(data: &TraceData) -> Vec<&str> {
    data.iter().map(|(name, _)| name).collect()
}

#[test]
fn pairs_are_in_order() {
    let w3c = || Box::new(TraceContextPropagator::new());
    let stock = TextMapCompositePropagator::new(vec![w3c(), Box::new(BaggagePropagator::new())]);
    let traceparent = Sentry::builder().propagate_traceparent(true).build().unwrap();
    let list = TextMapCompositePropagator::new(vec![w3c(), Box::new(SentryPropagator::new())]);
    let both = ["sentry-trace", "baggage", "traceparent", "tracestate"];
    let rows: [(&dyn TextMapPropagator, &[&str]); 5] = [
        (&SentryPropagator::new(), &["sentry-trace", "baggage"]),
        (&traceparent.propagator(), &["sentry-trace", "baggage", "traceparent"]),
        (&SentryPropagator::new().wrap(stock), &both),
        (&list, &both),
        (&TraceContextPropagator::new(), &["traceparent", "tracestate"]),
    ];
    for (propagator, expected) in rows {
        let data = trace_data(propagator, &cx());
        assert_eq!(names(&data), expected);
        assert_eq!((data.len(), data.is_empty()), (expected.len(), false));
    }
    let data = trace_data(&SentryPropagator::new(), &cx());
    let pairs =
        [("sentry-trace".to_owned(), sentry_trace("-1")), ("baggage".into(), "tenant=7".into())];
    assert_eq!(data.into_iter().collect::<Vec<_>>(), pairs);
}

#[test]
fn empty_if_no_header_is_sent() {
    let to = |targets: &[&str]| {
        let builder = Sentry::builder().dsn(DSN);
        builder.trace_propagation_targets(targets.iter().copied()).build().unwrap().propagator()
    };
    let careful = Sentry::builder().deny_unknown_urls(true).build().unwrap().propagator();
    let shop = "https://api.myecommerce.com";
    let no_span = Context::new().with_baggage([KeyValue::new("tenant", "7")]);
    let rows = [
        ("no span", to(&[shop]), no_span, false),
        ("suppressed", to(&[shop]), cx().with_telemetry_suppressed(), false),
        ("no target", to(&[]), cx(), false),
        ("denied", to(&[shop]), cx().with_outgoing_url("wss://elsewhere.example"), false),
        (
            "Sentry itself",
            to(&["o1."]),
            cx().with_outgoing_url("https://o1.ingest.sentry.io"),
            false,
        ),
        ("unknown, denied", careful.clone(), cx(), false),
        ("unknown", to(&[shop]), cx(), true),
        ("known", careful, cx().with_outgoing_url(shop), true),
        ("allowed", to(&[shop]), cx().with_outgoing_url("https://api.myecommerce.com/x"), true),
    ];
    for (name, propagator, cx, sent) in rows {
        let data = trace_data(&propagator, &cx);
        assert_eq!(!data.is_empty(), sent, "{name}");
        assert_eq!(data.len(), if sent { 2 } else { 0 }, "{name}");
        assert_eq!(data.get("Sentry-Trace").is_some(), sent, "{name}");
    }
}

/// It is a carrier: it returns the values that were set.
#[test]
fn it_is_a_carrier() {
    let mut data = trace_data(&SentryPropagator::new(), &cx());
    let once = data.clone();
    SentryPropagator::new().inject_context(&cx(), &mut data);
    assert_eq!(data, once, "injected twice");
    assert_eq!(Extractor::keys(&data), ["sentry-trace", "baggage"]);
    assert_eq!(Extractor::get(&data, "BAGGAGE"), Some("tenant=7"));
    assert_eq!(data.get_all("baggage"), Some(vec!["tenant=7"]));
    assert_eq!((data.get("other"), data.get_all("other")), (None, None));

    let map: HashMap<String, String> = data.into_iter().collect();
    assert_eq!(map["sentry-trace"], sentry_trace("-1"));
    let cx = SentryPropagator::new().extract(&map.into_iter().collect::<TraceData>());
    assert_eq!(cx.span().span_context().trace_id().to_string(), TRACE_ID);
    assert_eq!(cx.span().span_context().span_id().to_string(), SPAN_ID);
}

#[test]
fn carriers_go_to_other_threads() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    shared::<TraceData>();
    shared::<opentelemetry_sentry::MessageExtractor<'static>>();
}

/// Values contain the DSN's key and untrusted input.
#[test]
fn debug_shows_names_only() {
    let data = trace_data(&SentryPropagator::new(), &cx());
    assert_eq!(format!("{data:?}"), r#"["sentry-trace", "baggage"]"#);
}
