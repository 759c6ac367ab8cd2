//! `continue_trace`: the incoming trace or none, regardless of the active span.

use std::collections::BTreeMap;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, SentryPropagator, TraceData};

use crate::common::service::Service;
use crate::common::{
    sentry_trace, span_context, DSN, OTHER_SPAN_ID, OTHER_TRACE_ID, SPAN_ID, TRACE_ID,
};

fn sentry() -> Sentry {
    Sentry::builder().dsn(DSN).build().unwrap()
}

/// A message's headers, and whether its trace is continued.
fn rows() -> Vec<(&'static str, TraceData, bool)> {
    let trace = |value: &str| TraceData::from([("sentry-trace", value)]);
    let with = |baggage: &str| {
        TraceData::from([("sentry-trace", sentry_trace("-1").as_str()), ("baggage", baggage)])
    };
    vec![
        ("sampled", trace(&sentry_trace("-1")), true),
        ("not sampled", trace(&sentry_trace("-0")), true),
        ("undecided", trace(&sentry_trace("")), true),
        ("padded", trace(&format!(" \t{}\t ", sentry_trace("-1"))), true),
        ("in another case", TraceData::from([("Sentry-Trace", sentry_trace("-1"))]), true),
        ("no valid baggage", with(",=,;,sentry-,\u{fffd}"), true),
        ("the same organization", with("sentry-org_id=1"), true),
        ("another organization", with("sentry-org_id=2"), false),
        ("nothing", TraceData::default(), false),
        ("baggage alone", TraceData::from([("baggage", "sentry-org_id=1")]), false),
        ("empty", trace(""), false),
        ("only a trace id", trace(TRACE_ID), false),
        ("zeros", trace(&format!("{}-{SPAN_ID}-1", "0".repeat(32))), false),
        ("too long", trace(&sentry_trace(&"1".repeat(9000))), false),
    ]
}

#[test]
fn a_trace_is_continued_or_a_new_one_starts() {
    for (name, headers, continued) in rows() {
        let cx = continue_trace(&sentry().propagator(), &headers);
        assert_eq!(cx.has_active_span(), continued, "{name}");
        if continued {
            assert_eq!(span_context(&cx).trace_id().to_string(), TRACE_ID, "{name}");
            assert_eq!(span_context(&cx).span_id().to_string(), SPAN_ID, "{name}");
            assert!(span_context(&cx).is_remote(), "{name}");
        }
    }
}

/// The worker's own span is not the parent of a message from the queue.
#[test]
fn the_active_span_is_not_the_parent() {
    let service = Service::new(&sentry(), Sampler::AlwaysOn);
    let waiting = service.start(&Context::new(), SpanKind::Internal, "wait for messages", &[]);
    let other = format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-1");
    let elsewhere =
        continue_trace(&sentry().propagator(), &TraceData::from([("sentry-trace", other)]));
    for active in [waiting, elsewhere] {
        let active = active.with_baggage([KeyValue::new("tenant", "7")]);
        let _guard = active.with_telemetry_suppressed().attach();
        for (name, headers, continued) in rows() {
            let cx = continue_trace(&sentry().propagator(), &headers);
            assert_eq!(cx.has_active_span(), continued, "{name}");
            assert_eq!(cx.baggage().get("tenant").unwrap().as_str(), "7", "{name}");
            assert!(cx.is_telemetry_suppressed(), "{name}");
        }
    }
}

/// With any propagator and from any map.
#[test]
fn any_propagator_and_any_map() {
    let stock = || {
        TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ])
    };
    let map = BTreeMap::from([
        ("baggage", "tenant=7,sentry-release=1".to_owned()),
        ("sentry-trace", sentry_trace("-1")),
    ]);
    let headers: TraceData = map.into_iter().collect();
    let wrapped = SentryPropagator::new().wrap(stock());
    let cx = continue_trace(&wrapped, &headers);
    assert_eq!(span_context(&cx).trace_id().to_string(), TRACE_ID);
    assert_eq!(cx.baggage().get("tenant").unwrap().as_str(), "7");

    global::set_text_map_propagator(wrapped);
    let cx = global::get_text_map_propagator(|propagator| continue_trace(propagator, &headers));
    assert_eq!(span_context(&cx).trace_id().to_string(), TRACE_ID);

    let w3c = TraceData::from([("traceparent", format!("00-{TRACE_ID}-{SPAN_ID}-01"))]);
    assert!(!continue_trace(&SentryPropagator::new(), &w3c).has_active_span());
    let wrapped = SentryPropagator::new().wrap(stock());
    assert!(continue_trace(&wrapped, &w3c).has_active_span());
}

/// Repeated headers are one list, as in HTTP.
#[test]
fn a_name_may_occur_twice() {
    let headers = TraceData::from([
        ("baggage", "sentry-release=1"),
        ("sentry-trace", "no trace"),
        ("Sentry-Trace", &sentry_trace("-1")),
        ("Baggage", "sentry-sample_rand=0.250000,sentry-release=2"),
    ]);
    let cx = continue_trace(&SentryPropagator::new(), &headers);
    let data = trace_data(&SentryPropagator::new(), &cx);
    assert_eq!(data.get("baggage"), Some("sentry-release=2,sentry-sample_rand=0.250000"));
}
