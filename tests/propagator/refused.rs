//! A trace of another organization: the next span is a new head, regardless of the propagator that
//! ran before ours.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{
    dsc_value, headers, local, remote, sentry_trace, Headers, DSN, OTHER_SPAN_ID, OTHER_TRACE_ID,
    TRACE_ID,
};

struct Marker;

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("shop@1.2.3")
}

fn incoming() -> Headers {
    headers([
        ("sentry-trace", &*format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-0")),
        ("traceparent", &*format!("00-{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-00")),
        ("baggage", "tenant=7;p,sentry-org_id=2,sentry-release=theirs,sentry-sampled=false"),
    ])
}

/// The documented plain list.
fn list(sentry: &Sentry) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
        Box::new(sentry.propagator()),
    ])
}

/// A context cannot lose its span, so a new context takes over the baggage and the suppression.
#[test]
fn an_active_remote_span_is_removed() {
    let sentry = shop().build().unwrap();
    let start = Context::new().with_value(Marker);
    for cx in [start.clone(), start.with_telemetry_suppressed()] {
        let after = list(&sentry).extract_with_context(&cx, &incoming());
        assert!(!after.has_active_span());
        assert!(after.get::<Marker>().is_none(), "a plain list loses others' values");
        assert_eq!(after.is_telemetry_suppressed(), cx.is_telemetry_suppressed());
        let baggage = after.baggage();
        assert_eq!(baggage.len(), 1);
        let (value, metadata) = baggage.get_with_metadata("tenant").unwrap();
        assert_eq!((value.as_str(), metadata.as_str()), ("7", "p"));
    }
    // So is one that was active before any header was read.
    let found = start.with_baggage([KeyValue::new("a", "b"), KeyValue::new("sentry-release", "x")]);
    let found = found.with_remote_span_context(remote(true, ""));
    let after = sentry.propagator().extract_with_context(&found, &incoming());
    assert!(!after.has_active_span());
    let keys: Vec<&str> = after.baggage().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["a"]);
}

/// Alone, there is no remote span to remove, and the rest of the context stays.
#[test]
fn alone_the_context_stays() {
    let sentry = shop().build().unwrap();
    let cx = Context::new().with_value(Marker).with_baggage([KeyValue::new("a", "b")]);
    let after = sentry.propagator().extract_with_context(&cx, &incoming());
    assert!(!after.has_active_span());
    assert!(after.get::<Marker>().is_some());
    assert_eq!(after.baggage().len(), 1);
}

/// A local span is not a remote parent and stays active.
#[test]
fn a_local_span_stays() {
    let sentry = shop().build().unwrap();
    let span = local(true, "");
    let cx = Context::new().with_remote_span_context(span.clone());
    let after = sentry.propagator().extract_with_context(&cx, &incoming());
    assert_eq!(after.span().span_context(), &span);
}

/// Trace id, decision and `sentry-*` are ignored, under any sampler.
#[test]
fn the_next_span_is_a_head() {
    let sentry = shop().traces_sample_rate(1.0).build().unwrap();
    let services = [
        Service::new(&sentry, Sampler::parent_based(Sampler::AlwaysOn)),
        Service::new(&sentry, Sampler::ParentBased(Box::new(Sampler::AlwaysOn))),
        #[cfg(feature = "sdk")]
        Service::of(&sentry),
    ];
    for service in services {
        let server = service.server(&list(&sentry).extract(&incoming()), "cart");
        let sent = service.send(&server);
        assert!(sent["sentry-trace"].starts_with(TRACE_ID), "{sent:?}");
        assert!(sent["sentry-trace"].ends_with("-1"), "{sent:?}");
        assert_eq!(dsc_value(&sent, "release"), Some("shop%401.2.3"));
        assert_eq!(dsc_value(&sent, "org_id"), Some("1"));
        assert!(sent["baggage"].starts_with("tenant=7;p,"), "{sent:?}");
        let span = service.end(&server).expect("a span");
        assert_eq!(span.parent_span_id, SpanId::INVALID);
    }
}

/// Two known, different organizations: always rejected. If one is unknown: rejected when strict.
/// The option overrides the DSN.
#[test]
fn which_organizations_are_rejected() {
    let none = || Sentry::builder().dsn(DSN.replace("o1.ingest", "eu"));
    let dsn = || Sentry::builder().dsn(DSN);
    let option = || dsn().org_id("7");
    let strict = |builder: SentryBuilder| builder.strict_trace_continuation(true);
    let rows = [
        ("the same", dsn(), Some("1"), true),
        ("another", dsn(), Some("2"), false),
        ("theirs unknown", dsn(), None, true),
        ("ours unknown", none(), Some("2"), true),
        ("both unknown", none(), None, true),
        ("the same, strict", strict(dsn()), Some("1"), true),
        ("another, strict", strict(dsn()), Some("2"), false),
        ("theirs unknown, strict", strict(dsn()), None, false),
        ("ours unknown, strict", strict(none()), Some("2"), false),
        ("both unknown, strict", strict(none()), None, true),
        ("theirs empty", dsn(), Some(""), true),
        ("theirs empty, strict", strict(dsn()), Some(""), false),
        ("theirs empty, ours unknown, strict", strict(none()), Some(""), true),
        ("leading zeros make another id", dsn(), Some("01"), false),
        ("a word is another id", dsn(), Some("acme"), false),
        ("a word, ours unknown", none(), Some("acme"), true),
        ("a word, ours unknown, strict", strict(none()), Some("acme"), false),
        ("encoded", dsn(), Some("%31"), true),
        ("the option wins", option(), Some("1"), false),
        ("only the option", none().org_id("7"), Some("7"), true),
    ];
    for (name, builder, org_id, continued) in rows {
        let list = org_id.map(|id| format!("sentry-org_id={id}"));
        let trace = sentry_trace("-1");
        let list = list.as_deref().map(|list| ("baggage", list));
        let carrier = headers([("sentry-trace", &*trace)].into_iter().chain(list));
        let propagator = builder.build().unwrap().propagator();
        let cx = propagator.extract_with_context(&Context::new(), &carrier);
        assert_eq!(cx.has_active_span(), continued, "{name}");
    }
}
