//! Only members that the context or the inner propagator set are sent.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry};

use crate::own::{fault, Faults};
use crate::service::{
    extract, headers, inject, lists, own, sentry_trace, traceparent, with_own, wraps, Under, DSN,
    TRACE,
};
use crate::w3c::{baggage, decoded};
use opentelemetry::baggage::BaggageExt;

const ALLOWED: &str = "https://api.myecommerce.com";
const DENIED: &str = "https://tracker.example/";

fn sentry() -> Sentry {
    let builder = Sentry::builder().dsn(DSN).trace_propagation_targets([ALLOWED]);
    builder.build().expect("settings")
}

/// The incoming `baggage`.
const CAME: [&str; 16] = [
    "k=v;p=1%2Cevil=1",
    "k=v;p=1%2Cevil%3D1",
    "k=v;a%2Cb",
    "k=v;a%2Cevil=1",
    "k=v;p=1%2C%20evil=1%2Csentry-release=x",
    "k=v;p=1%2Csentry-trace_id%3D12312012123120121231201212312012",
    "k=v%2Cevil=1",
    "k=v%2Cevil%3D1;p",
    "k=v%3Bevil",
    "k=v%0Aevil%3D1;p=%0D%0Ax-evil:%201",
    "k=v;p=%3B%2C%3B",
    "k=v;p=%22a%2Cb%22",
    "k=v;p=%C3%A9%2Cevil=1,l=w;q=2",
    "k=v;%2C",
    "k=v;%2C%3D%2C",
    "k = v ;\tp = 1%2Cevil=1\t, l=w",
];

/// The context's own members: key, value, metadata.
const OWN: [(&str, &str, &str); 22] = [
    ("k", "v", "a,evil=1"),
    ("k", "v", "a,b"),
    ("k", "v", "p=1,evil=1"),
    ("k", "v", ",evil=1"),
    ("k", "v", ","),
    ("k", "v", "p=1,sentry-release=x"),
    ("k", "v", "p=1%2Cevil=1"),
    ("k", "v", "p=1;q=2,evil=1;r"),
    ("k", "v", "p=\r\nx-evil: 1"),
    ("k", "v", "p=\n,evil=1"),
    ("k", "v", "p=é,evil=1"),
    ("k", "v", "é,evil=1"),
    ("k", "v", "p=\0,evil=1"),
    ("k", "v", "p=\"a,evil=1\""),
    ("k", "v", "p=1 , evil = 1"),
    ("k", "v", "p\t=\t1\t,\tevil=1"),
    ("k", "v,evil=1", ""),
    ("k", "v;evil=1,b", "p"),
    ("k", "v%2Cevil=1", "p=%2C"),
    ("k", "=,=;", "=,=;"),
    ("k%2Cevil", "v", "a,evil=1"),
    ("k", "é,\n\t \u{7f}\"\\", "p=é,\n"),
];

/// Every kind of context from which `wrap` writes `baggage`, with a description of its trace.
fn contexts(cx: &Context) -> Vec<(&'static str, Context)> {
    let remote = extract(
        &Sentry::builder().build().expect("settings").propagator(),
        &headers([
            ("sentry-trace", &*sentry_trace("-1")),
            ("baggage", "sentry-sample_rand=0.5,sentry-release=shop"),
        ]),
    );
    let remote = cx.with_remote_span_context(remote.span().span_context().clone());
    vec![
        ("allowed", remote.with_outgoing_url(ALLOWED)),
        ("denied", remote.with_outgoing_url(DENIED)),
        ("suppressed", remote.with_telemetry_suppressed()),
        ("no span", cx.clone()),
        ("no valid span", cx.with_remote_span_context(SpanContext::NONE)),
    ]
}

#[test]
fn wrapped_incoming_members_are_unchanged() {
    let mut faults = Faults::default();
    let sentry = sentry();
    for came in CAME {
        for (composition, propagator) in wraps(&sentry) {
            let cx = extract(&*propagator, &headers([("baggage", came)]));
            for (name, cx) in contexts(&cx) {
                let sent = inject(&*propagator, &cx);
                // Around W3C's propagator alone, `baggage` was not read, so none of it is sent.
                faults.note(|| format!("{composition}, {name}, {came:?}"), fault(&sent, &cx));
            }
        }
    }
    faults.none();
}

#[test]
fn wrapped_own_members_are_unchanged() {
    let mut faults = Faults::default();
    let sentry = sentry();
    for member in OWN {
        for (composition, propagator) in wraps(&sentry) {
            for (name, cx) in contexts(&Context::new().with_baggage(own(&[member]))) {
                let sent = inject(&*propagator, &cx);
                let writes = name == "allowed" || composition != "wrap(W3C)";
                match writes {
                    true => faults
                        .note(|| format!("{composition}, {name}, {member:?}"), fault(&sent, &cx)),
                    false => assert!(!sent.contains_key("baggage"), "{name}: {sent:?}"),
                }
            }
        }
    }
    faults.none();
}

/// Beside other members of the context, two of them malformed.
#[test]
fn wrapped_other_members_are_unchanged() {
    let mut faults = Faults::default();
    let sentry = sentry();
    for (place, member) in OWN.into_iter().enumerate() {
        let (_, value, metadata) = OWN[(place + 7) % OWN.len()];
        let members = [("a", "1", ""), member, ("l", value, metadata), ("z", "9", "flag;q=2")];
        for (composition, propagator) in wraps(&sentry) {
            if composition == "wrap(W3C)" {
                continue;
            }
            for (name, cx) in contexts(&Context::new().with_baggage(own(&members))) {
                let sent = inject(&*propagator, &cx);
                faults.note(|| format!("{composition}, {name}, {members:?}"), fault(&sent, &cx));
            }
        }
    }
    faults.none();
}

/// Alone, and in a list, where ours is the last to write.
#[test]
fn alone_and_in_a_list() {
    let mut faults = Faults::default();
    let sentry = sentry();
    let alone: Box<dyn TextMapPropagator + Send + Sync> = Box::new(sentry.propagator());
    for (composition, propagator) in [("alone", alone)].into_iter().chain(lists(&sentry)) {
        for came in CAME {
            let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", came)]);
            let cx = extract(&*propagator, &incoming).with_outgoing_url(ALLOWED);
            let sent = inject(&*propagator, &cx);
            faults.note(|| format!("{composition}, {came:?}"), fault(&sent, &cx));
        }
        for member in OWN {
            let incoming = headers([("sentry-trace", &*sentry_trace("-1"))]);
            let cx = extract(&*propagator, &incoming).with_outgoing_url(ALLOWED);
            let cx = with_own(&cx, &[member]);
            let sent = inject(&*propagator, &cx);
            faults.note(|| format!("{composition}, {member:?}"), fault(&sent, &cx));
        }
    }
    faults.none();
}

/// Whole requests under any sampler. The next service, ours or stock, reads the same members.
#[test]
fn through_two_services() {
    let mut faults = Faults::default();
    let sentry = Sentry::builder().dsn(DSN).traces_sample_rate(0.5).build().expect("settings");
    for came in CAME {
        for (composition, propagator) in wraps(&sentry).into_iter().chain(lists(&sentry)) {
            for trace in [Some("-1"), Some(""), None] {
                let trace = trace.map(sentry_trace);
                let traceparent = traceparent("01");
                let incoming = trace.iter().map(|trace| ("sentry-trace", &**trace));
                let incoming =
                    headers(incoming.chain([("traceparent", &*traceparent), ("baggage", came)]));
                for under in Under::ALL {
                    let parent = extract(&*propagator, &incoming);
                    for cx in under.below(&sentry, &parent) {
                        let name = format!("{composition}, {under:?}, {trace:?}, {came:?}");
                        let sent = inject(&*propagator, &cx);
                        if composition.starts_with('[') && !sent.contains_key("sentry-trace") {
                            continue;
                        }
                        faults.note(|| name.clone(), fault(&sent, &cx));
                        let next = extract(&*propagator, &sent);
                        let keys = |cx: &Context| {
                            let mut keys: Vec<String> =
                                cx.baggage().iter().map(|(key, _)| key.to_string()).collect();
                            keys.sort();
                            keys
                        };
                        let (read, expected_keys) = (keys(&next), keys(&cx));
                        let differ = (read != expected_keys)
                            .then(|| format!("next reads {read:?}: {sent:?}"));
                        faults.note(|| name, differ);
                    }
                }
            }
        }
    }
    faults.none();
}

/// The smallest failing input, byte for byte where W3C's grammar fixes the bytes.
#[test]
fn the_property_keeps_its_comma() {
    let sentry = sentry();
    for (composition, propagator) in wraps(&sentry) {
        if composition == "wrap(W3C)" {
            continue;
        }
        let incoming =
            headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", "k=v;p=1%2Cevil=1")]);
        let cx = extract(&*propagator, &incoming).with_outgoing_url(ALLOWED);
        assert_eq!(span_trace(&cx), TRACE);
        let sent = inject(&*propagator, &cx);
        let members = baggage(&sent["baggage"]).expect(composition);
        assert_eq!(members.len(), 1, "{composition}: {sent:?}");
        let (key, value) = &members[0].properties[0];
        assert_eq!((&**key, value.as_deref().map(decoded)), ("p", Some("1,evil=1".to_owned())));
    }
}

fn span_trace(cx: &Context) -> String {
    cx.span().span_context().trace_id().to_string()
}
