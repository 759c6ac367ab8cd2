//! The DSC that the head of a trace sends.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{
    dsc, dsc_value, flag, headers, inject, local, sentry_trace, DSN, PUBLIC_KEY, SAMPLE_RAND,
    TRACE_ID,
};

fn full() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("shop@1.2.3 +β").environment("staging/eu")
}

/// In the order of the specification. `{}` stands for the members of every head: ids and key.
#[test]
fn a_head_sends_its_members_in_the_specifications_order() {
    let release = "release=shop%401.2.3%20%2B%CE%B2,environment=staging%2Feu";
    let plain = || Sentry::builder().dsn(DSN);
    let rand = format!("sample_rand={SAMPLE_RAND}");
    let rows = [
        (
            "everything",
            full().traces_sample_rate(1.0),
            Some("1"),
            format!("sample_rate=1,{rand},sampled=true,{release},transaction=cart,org_id=1"),
        ),
        (
            "sampled at a rate between 0 and 1",
            full().traces_sample_rate(0.8),
            Some("1"),
            format!("sample_rate=0.8,{rand},sampled=true,{release},transaction=cart,org_id=1"),
        ),
        (
            "rate 0 is a decision",
            full().traces_sample_rate(0.0),
            Some("0"),
            format!("sample_rate=0,{rand},sampled=false,{release},transaction=cart,org_id=1"),
        ),
        ("undecided", full(), None, format!("{rand},{release},org_id=1")),
        (
            "a long release",
            plain().release("r".repeat(1000)),
            None,
            format!("{rand},release={},environment=production,org_id=1", "r".repeat(1000)),
        ),
        ("only a DSN", plain(), None, format!("{rand},environment=production,org_id=1")),
        (
            "another organization",
            plain().org_id("0099"),
            None,
            format!("{rand},environment=production,org_id=0099"),
        ),
        (
            "no organization",
            Sentry::builder().dsn(DSN.replace("o1.ingest", "eu")),
            None,
            format!("{rand},environment=production"),
        ),
    ];
    for (name, builder, decision, rest) in rows {
        let service = Service::of(&builder.build().unwrap());
        let root = service.server(&Context::new(), "cart");
        let expected = format!("trace_id={TRACE_ID},public_key={PUBLIC_KEY},{rest}");
        let expected = format!("sentry-{}", expected.replace(',', ",sentry-"));
        // The root and its descendants send the same DSC.
        for cx in [root.clone(), service.client(&root)] {
            let sent = service.send(&cx);
            assert_eq!(sent["baggage"], expected, "{name}");
            let span = cx.span();
            let id = format!("{TRACE_ID}-{}", span.span_context().span_id());
            let written = decision.map_or(id.clone(), |flag| format!("{id}-{flag}"));
            assert_eq!(sent["sentry-trace"], written, "{name}");
        }
    }
}

/// Keys usually have 32 digits. A longer key is still sent.
#[test]
fn a_long_key() {
    let key = "k".repeat(400);
    let dsn = DSN.replace(PUBLIC_KEY, &key);
    let service = Service::of(&Sentry::builder().dsn(dsn).build().unwrap());
    let sent = service.send(&service.server(&Context::new(), "cart"));
    assert_eq!(dsc_value(&sent, "public_key"), Some(&*key));
}

/// Sentry cannot use a DSC without a key.
#[test]
fn without_a_dsn_a_head_sends_only_sentry_trace() {
    let sentry = Sentry::builder().release("shop@1.2.3").traces_sample_rate(1.0).build().unwrap();
    let service = Service::of(&sentry);
    let root = service.server(&Context::new(), "cart");
    let sent = service.send(&root);
    assert_eq!(flag(&sent), Some("1"));
    assert!(!sent.contains_key("baggage"), "{sent:?}");
    let sent = service.send(&root.with_baggage([KeyValue::new("tenant", "7")]));
    assert_eq!(sent["baggage"], "tenant=7");
}

/// Only the propagator is ours, so there is no rate and no transaction.
#[test]
fn a_head_under_a_foreign_sampler() {
    let service = Service::new(&full().build().unwrap(), Sampler::AlwaysOn);
    let sent = service.send(&service.server(&Context::new(), "cart"));
    let keys: Vec<&str> = dsc(&sent).iter().map(|(key, _)| *key).collect();
    let expected =
        ["trace_id", "public_key", "sample_rand", "sampled", "release", "environment", "org_id"];
    assert_eq!(keys, expected);
    let empty = Service::new(&Sentry::builder().build().unwrap(), Sampler::AlwaysOn);
    assert!(dsc(&empty.send(&empty.server(&Context::new(), "cart"))).is_empty());
}

/// This service's decision never adds a DSC to a trace with a bare `sentry-trace`.
#[test]
fn below_a_bare_sentry_trace_there_is_no_head() {
    for flag in ["-1", "-0", ""] {
        let incoming = headers([("sentry-trace", &*sentry_trace(flag))]);
        for builder in [
            full(),
            full().traces_sample_rate(1.0),
            full().traces_sampler(|_| 0.0),
            full().traces_sampler(|_| 1.0),
        ] {
            let sent = Service::of(&builder.build().unwrap()).relay(&incoming);
            assert!(sent.contains_key("sentry-trace"), "{flag}");
            assert!(!sent.contains_key("baggage"), "{flag}: {sent:?}");
        }
    }
}

/// A number that a head's member lacks comes from `ot` or from the trace id.
#[test]
fn a_member_with_one_of_two_numbers() {
    for (member, rate, rand) in [
        ("", "0.875", SAMPLE_RAND),
        ("sentry=h..;n0.5,", "0.875", "0.5"),
        ("sentry=h..;r0.9,", "0.9", SAMPLE_RAND),
        ("sentry=h..;r0.9;n0.5,", "0.9", "0.5"),
    ] {
        let span = local(true, &format!("{member}ot=th:2"));
        let cx = Context::new().with_remote_span_context(span);
        let sent = inject(&full().build().unwrap().propagator(), &cx);
        assert_eq!(dsc_value(&sent, "sample_rate"), Some(rate), "{member:?}");
        assert_eq!(dsc_value(&sent, "sample_rand"), Some(rand), "{member:?}");
    }
}
