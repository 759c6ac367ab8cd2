//! What `traces_sampler` learns about the caller: whether there is one, and which header has its
//! decision.

use std::sync::{Arc, Mutex};

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{SamplingContext, Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{flag, headers, inject, sentry_trace, Headers, DSN, SPAN_ID, TRACE_ID};

/// `has_parent`, `is_parent_deferred`, `parent_sampled`, `parent_sampled_by_traceparent`.
type Told = (bool, bool, Option<bool>, Option<bool>);

const HEAD: Told = (false, false, None, None);
const DEFERRED: Told = (true, true, None, None);

const fn by_sentry(sampled: bool) -> Told {
    (true, false, Some(sampled), None)
}

const fn by_traceparent(sampled: bool) -> Told {
    (true, false, Some(sampled), Some(sampled))
}

fn incoming(sentry: Option<&str>, traceparent: Option<&str>, baggage: &str) -> Headers {
    let sentry = sentry.map(sentry_trace);
    let traceparent = traceparent.map(|flag| format!("00-{TRACE_ID}-{SPAN_ID}-{flag}"));
    let sentry = sentry.iter().map(|value| ("sentry-trace", value.as_str()));
    let traceparent = traceparent.iter().map(|value| ("traceparent", value.as_str()));
    let baggage = (!baggage.is_empty()).then_some(("baggage", baggage));
    headers(sentry.chain(traceparent).chain(baggage))
}

fn told(builder: SentryBuilder, extract: fn(&Sentry, &Headers) -> Context, came: &Headers) -> Told {
    let calls: Arc<Mutex<Vec<Told>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let sampler = move |ctx: &SamplingContext<'_>| {
        seen.lock().unwrap().push((
            ctx.has_parent(),
            ctx.is_parent_deferred(),
            ctx.parent_sampled(),
            ctx.parent_sampled_by_traceparent(),
        ));
        1.0
    };
    let sentry = builder.dsn(DSN).traces_sampler(sampler).build().unwrap();
    let service = Service::of(&sentry);
    service.client(&service.server(&extract(&sentry, came), "cart"));
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 1);
    calls[0]
}

fn wrapped(sentry: &Sentry, came: &Headers) -> Context {
    let propagator = sentry.propagator().wrap(TraceContextPropagator::new());
    propagator.extract_with_context(&Context::new(), came)
}

fn listed(sentry: &Sentry, came: &Headers) -> Context {
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(sentry.propagator()),
    ]);
    list.extract_with_context(&Context::new(), came)
}

#[test]
fn source_of_the_decision() {
    let same = |member: &str| format!("sentry-trace_id={TRACE_ID},{member}");
    let (undecided, yes, no) =
        (same("sentry-release=x"), same("sentry-sampled=true"), same("sentry-sampled=false"));
    let rows = [
        ("nothing", None, None, "", HEAD),
        ("a DSC alone", None, None, &*yes, HEAD),
        ("sentry-trace", Some("-1"), None, "", by_sentry(true)),
        ("sentry-trace, DSC", Some("-0"), None, &*no, by_sentry(false)),
        ("sentry-trace, a DSC without a decision", Some("-0"), None, &*undecided, by_sentry(false)),
        ("sentry-trace, undecided", Some(""), None, "", DEFERRED),
        ("sentry-trace, undecided, DSC", Some(""), None, &*yes, DEFERRED),
        ("traceparent", None, Some("01"), "", by_traceparent(true)),
        ("traceparent of a load balancer", None, Some("00"), "", by_traceparent(false)),
        (
            "a DSC of another trace",
            None,
            Some("00"),
            "sentry-trace_id=1,sentry-sampled=false",
            by_traceparent(false),
        ),
        // A hop that speaks only W3C forwards a Sentry service's decision.
        ("an adopted DSC, yes", None, Some("01"), &*yes, by_sentry(true)),
        ("an adopted DSC, no", None, Some("00"), &*no, by_sentry(false)),
        ("an adopted DSC without a decision", None, Some("01"), &*undecided, by_traceparent(true)),
        ("an adopted DSC, overridden", None, Some("00"), &*yes, by_traceparent(false)),
        ("both", Some("-1"), Some("00"), "", by_sentry(true)),
        ("both, the other way", Some("-0"), Some("01"), "", by_sentry(false)),
        ("decided by traceparent", Some(""), Some("01"), "", by_traceparent(true)),
        ("decided by traceparent, DSC", Some(""), Some("01"), &*undecided, by_traceparent(true)),
        ("left open by both", Some(""), Some("00"), &*undecided, DEFERRED),
    ];
    for (name, sentry, traceparent, baggage, expected) in rows {
        let came = incoming(sentry, traceparent, baggage);
        assert_eq!(told(Sentry::builder(), wrapped, &came), expected, "{name}");
        assert_eq!(told(Sentry::builder(), listed, &came), expected, "{name}, in a list");
    }
    // The preferred traceparent decides. If both headers agree, both decide.
    for (sentry, traceparent, expected) in [
        ("-1", "00", by_traceparent(false)),
        ("-0", "00", by_sentry(false)),
        ("", "00", by_traceparent(false)),
    ] {
        let came = incoming(Some(sentry), Some(traceparent), "");
        let builder = Sentry::builder().prefer_traceparent(true);
        assert_eq!(told(builder, wrapped, &came), expected, "{sentry}, {traceparent}");
    }
}

/// The documented line: load balancers' traces get a new decision, Sentry callers' decisions are
/// followed.
#[test]
fn a_load_balancer_decides_nothing() {
    let sampler = |ctx: &SamplingContext<'_>| match ctx.parent_sampled_by_traceparent() {
        Some(false) => 1.0,
        _ => ctx.inherit_or_sample_with(1.0),
    };
    let sentry = Sentry::builder().dsn(DSN).traces_sampler(sampler).build().unwrap();
    let service = Service::of(&sentry);
    let dsc = format!("sentry-trace_id={TRACE_ID},sentry-sampled=false,sentry-sample_rate=0.1");
    let rows = [
        ("a load balancer", None, Some("00"), "", "1"),
        ("a Sentry caller", Some("-0"), Some("00"), &*dsc, "0"),
        ("a Sentry caller behind a W3C-only hop", None, Some("00"), &*dsc, "0"),
        ("a Sentry caller, another flag", Some("-0"), Some("01"), "", "0"),
        ("no caller", None, None, "", "1"),
    ];
    for (name, sentry_trace, traceparent, baggage, expected) in rows {
        let cx = wrapped(&sentry, &incoming(sentry_trace, traceparent, baggage));
        let sent = service.send(&service.client(&service.server(&cx, "cart")));
        assert_eq!(flag(&sent), Some(expected), "{name}");
    }
}

/// The status belongs to the remote parent only: under any sampler the flag is forwarded unchanged.
#[test]
fn a_decision_by_traceparent_is_forwarded() {
    let dsc = format!("sentry-trace_id={TRACE_ID},sentry-release=x");
    for (sentry_trace, traceparent) in [(Some(""), "01"), (None, "01")] {
        let came = incoming(sentry_trace, Some(traceparent), &dsc);
        for builder in [Sentry::builder(), Sentry::builder().traces_sample_rate(0.0)] {
            let sentry = builder.build().unwrap();
            let cx = wrapped(&sentry, &came);
            let services = [
                Service::of(&sentry),
                Service::new(&sentry, opentelemetry_sdk::trace::Sampler::AlwaysOn),
            ];
            assert_eq!(flag(&inject(&sentry.propagator(), &cx)), Some("1"));
            for service in services {
                let sent = service.send(&service.client(&service.server(&cx, "cart")));
                assert_eq!(flag(&sent), Some("1"), "{sentry_trace:?}");
                assert!(sent["baggage"].contains("sentry-release=x"));
            }
        }
    }
}
