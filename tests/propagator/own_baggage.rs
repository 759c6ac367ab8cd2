//! The context's own OTel baggage beside the DSC: encoding, `sentry-*`, limits.

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::BaggagePropagator;
use opentelemetry_sentry::{Sentry, SentryPropagator};

use crate::common::warnings::{assert_one, warnings};
use crate::common::{dsc, headers, inject, local, sentry_trace, DSN};

const DSC: &str = "sentry-sample_rand=0.424242,sentry-release=shop%401.2.3";

fn continued(list: &str) -> Context {
    let carrier = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", list)]);
    SentryPropagator::new().extract_with_context(&Context::new(), &carrier)
}

fn member(key: &str, value: &str, metadata: &str) -> Baggage {
    let mut baggage = Baggage::new();
    baggage.insert_with_metadata(key.to_owned(), value.to_owned(), metadata);
    assert_eq!(baggage.len(), 1, "{key}");
    baggage
}

#[test]
fn own_members_are_encoded_and_precede_the_dsc() {
    let rows = [
        ("plain", ("tenant", "7", ""), "tenant=7"),
        ("empty value", ("tenant", "", ""), "tenant="),
        ("space", ("user", "a b", ""), "user=a%20b"),
        ("percent", ("rate", "100%", ""), "rate=100%25"),
        ("text that looks encoded", ("x", "%25", ""), "x=%2525"),
        ("plus", ("x", "a+b", ""), "x=a%2Bb"),
        ("separators", ("x", "a,b;c=d\"\\", ""), "x=a%2Cb%3Bc%3Dd%22%5C"),
        ("unreserved", ("x", "aZ0-._~", ""), "x=aZ0-._~"),
        ("UTF-8", ("x", "Amélie", ""), "x=Am%C3%A9lie"),
        ("control bytes", ("x", "a\r\nb\0\u{7f}", ""), "x=a%0D%0Ab%00%7F"),
        ("percent in the key", ("a%2Cb", "1", ""), "a%252Cb=1"),
        ("only percents as a key", ("%%", "1", ""), "%25%25=1"),
        ("a flag as property", ("x", "1", "secret"), "x=1;secret"),
        ("properties", ("x", "1", "a=1;b;c=2"), "x=1;a=1;b;c=2"),
        ("spaces around properties", ("x", "1", " a = 1 ;; b "), "x=1;a=1;b"),
        ("newline in a property", ("x", "1", "p=one\ntwo"), "x=1;p=one%0Atwo"),
        ("newline in its key", ("x", "1", "p\n\rq"), "x=1"),
        ("a second member in a property", ("x", "1", "p=1,sentry-y=2"), "x=1;p=1%2Csentry-y%3D2"),
        ("percent in a property", ("x", "1", "p=%41"), "x=1;p=%2541"),
    ];
    for (name, (key, value, metadata), expected) in rows {
        for (list, tail) in [("", String::new()), (DSC, format!(",{DSC}"))] {
            let cx = continued(list).with_baggage(member(key, value, metadata));
            let sent = inject(&SentryPropagator::new(), &cx);
            assert_eq!(sent["baggage"], format!("{expected}{tail}"), "{name}");
            assert!(http::HeaderValue::from_str(&sent["baggage"]).is_ok(), "{name}");

            // The stock propagator can read the result.
            let read = BaggagePropagator::new().extract(&sent);
            let read = read.baggage().get(key);
            assert_eq!(read.map(|value| value.as_str()), Some(value), "{name}");
        }
    }
}

/// `sentry-*` in the context is another party's DSC or an attack.
#[test]
fn sentry_members_of_the_context_are_never_sent() {
    let mut baggage = member("sentry-release", "evil", "");
    baggage.insert("sentry-", "1");
    baggage.insert("tenant", "7");
    baggage.insert("Sentry-release", "not ours");
    for (list, tail) in [(DSC, format!(",{DSC}")), ("", String::new())] {
        let copy = baggage.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<Baggage>();
        let sent = inject(&SentryPropagator::new(), &continued(list).with_baggage(copy));
        let own = sent["baggage"].strip_suffix(&*tail).unwrap();
        let mut own: Vec<&str> = own.split(',').collect();
        own.sort_unstable();
        assert_eq!(own, ["Sentry-release=not%20ours", "tenant=7"]);
    }
}

/// In the documented order `BaggagePropagator` runs first, and ours removes `sentry-*` again.
#[test]
fn sentry_members_are_stripped_on_extract() {
    let ours = Sentry::builder().dsn(DSN).build().unwrap().propagator();
    let list = TextMapCompositePropagator::new(vec![
        Box::new(BaggagePropagator::new()),
        Box::new(ours.clone()),
    ]);
    let valid = sentry_trace("-1");
    for (name, trace, org_id) in [
        ("continued", Some(&*valid), "1"),
        ("refused", Some(&*valid), "2"),
        ("no trace", None, "1"),
        ("malformed", Some("nonsense"), "1"),
    ] {
        let baggage = format!("tenant=7;p,sentry-org_id={org_id},sentry-release=x,user=a%20b");
        let trace = trace.map(|value| ("sentry-trace", value));
        let carrier = headers([("baggage", &*baggage)].into_iter().chain(trace));
        let cx = list.extract_with_context(&Context::new(), &carrier);

        let mut keys: Vec<&str> = cx.baggage().iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["tenant", "user"], "{name}");
        let (value, metadata) = cx.baggage().get_with_metadata("tenant").unwrap();
        assert_eq!((value.as_str(), metadata.as_str()), ("7", "p"), "{name}");
        assert_eq!(cx.has_active_span(), name == "continued", "{name}");
    }

    // Our header, which holds both, overwrites theirs.
    let carrier = headers([("sentry-trace", &*valid), ("baggage", &*format!("user=a%20b,{DSC}"))]);
    let cx = list.extract_with_context(&Context::new(), &carrier);
    assert_eq!(inject(&list, &cx)["baggage"], format!("user=a%20b,{DSC}"));
}

#[test]
fn over_64_members_the_dsc_stays_and_own_members_fill_the_rest() {
    let seven = (1..=6).map(|n| format!(",sentry-k{n}=v")).collect::<String>();
    let seven = format!("sentry-sample_rand=0.5{seven}");
    for (own, list, sent_own, overflow) in [
        (64, "", 64, false),
        (57, &*seven, 57, false),
        (58, &*seven, 57, true),
        (64, &*seven, 57, true),
    ] {
        let mut baggage = Baggage::new();
        for n in 1..=own {
            baggage.insert(format!("k{n}"), "v");
        }
        let cx = continued(list).with_baggage(baggage);
        let propagator = Sentry::builder().build().unwrap().propagator();
        let warned = warnings(|| {
            for _ in 0..3 {
                let sent = inject(&propagator, &cx);
                let members: Vec<&str> = sent["baggage"].split(',').collect();
                let (dsc, own): (Vec<&str>, Vec<&str>) =
                    members.into_iter().partition(|member| member.starts_with("sentry-"));
                assert_eq!(dsc.join(","), list, "{own:?}");
                assert_eq!(own.len(), sent_own, "{own:?}");
            }
        });
        if overflow {
            assert_one(&warned, "baggage exceeds the limits of W3C Baggage");
        } else {
            assert_eq!(warned, [""; 0]);
        }
    }
}

/// The same with a DSC that this service composes.
#[test]
fn over_64_members_a_heads_dsc_stays() {
    let baggage: Baggage =
        (1..=64).map(|n| opentelemetry::KeyValue::new(format!("k{n}"), "v")).collect();
    let builder = Sentry::builder().dsn(DSN).release("shop@1.2.3").org_id("1");
    let cx = Context::new().with_remote_span_context(local(true, "")).with_baggage(baggage);
    let sent = inject(&builder.build().unwrap().propagator(), &cx);
    assert_eq!(dsc(&sent).len(), 7, "{sent:?}");
    assert_eq!(sent["baggage"].split(',').count(), 64, "{sent:?}");
}

/// The stock API also holds 8192 bytes, but unencoded.
#[test]
fn over_8192_bytes_the_dsc_stays_and_whole_own_members_fill_the_rest() {
    let list = format!("sentry-sample_rand=0.5,sentry-release={}", "r".repeat(800));
    for (value, bytes) in [("v".repeat(150), 150), (",".repeat(150), 450), ("é".repeat(70), 420)] {
        let mut baggage = Baggage::new();
        for n in 10..60 {
            baggage.insert(format!("k{n}"), value.clone());
        }
        assert_eq!(baggage.len(), 50);
        let cx = continued(&list).with_baggage(baggage);
        let propagator = Sentry::builder().build().unwrap().propagator();
        let mut sent = String::new();
        let warned = warnings(|| sent = inject(&propagator, &cx)["baggage"].clone());

        let own = sent.strip_suffix(&*list).expect("the whole DSC");
        let whole = "k10=,".len() + bytes;
        assert_eq!(own.len() % whole, 0, "whole members");
        assert!(sent.len() <= 8192 && sent.len() + whole > 8192, "{} bytes", sent.len());
        assert_one(&warned, "baggage exceeds the limits of W3C Baggage");
    }
}

/// One long member does not displace the short ones.
#[test]
fn a_member_that_does_not_fit_leaves_room_for_the_others() {
    let mut baggage = member("long", &" ".repeat(4000), "");
    for n in 1..=20 {
        baggage.insert(format!("k{n}"), "v");
    }
    let cx = continued(DSC).with_baggage(baggage);
    let mut sent = Default::default();
    let warned = warnings(|| sent = inject(&SentryPropagator::new(), &cx));
    assert_eq!(sent["baggage"].split(',').filter(|member| member.starts_with('k')).count(), 20);
    assert_eq!(dsc(&sent).len(), 2);
    assert_one(&warned, "baggage exceeds the limits of W3C Baggage");
}
