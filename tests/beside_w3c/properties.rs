//! Properties of `baggage` members: a key is a token and is not percent-decoded.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::Context;
use opentelemetry_sentry::{Sentry, SentryPropagator};

use crate::lists::{list, w3c, Propagator};
use crate::own::{fault, Faults};
use crate::service::{
    extract, headers, inject, lists, own, sentry_trace, traceparent, with_own, wraps, Under, DSN,
};
use crate::w3c::baggage;

/// Metadata, and its outgoing form where the grammar fixes it.
const METADATA: [(&str, Option<&str>); 29] = [
    ("k+b=2", Some("k+b=2")),
    ("k+b", Some("k+b")),
    ("!#$&'*+-.^_`|~=1", Some("!#$&'*+-.^_`|~=1")),
    ("!#$&'*+-.^_`|~", Some("!#$&'*+-.^_`|~")),
    ("flag", Some("flag")),
    ("a=1;b;c=2", Some("a=1;b;c=2")),
    (" a = 1 ;\t;  ;b\t", Some("a=1;b")),
    ("a\t=\t1", Some("a=1")),
    ("=x", Some("")),
    ("=", Some("")),
    ("a=1;=x;b=2", Some("a=1;b=2")),
    (" =x; =; \t= ", Some("")),
    (";;;", Some("")),
    (";a=1;", Some("a=1")),
    ("a=", Some("a=")),
    ("a=1;a=2", Some("a=1;a=2")),
    ("a=b c", Some("a=b%20c")),
    ("a=\"q\"", None),
    ("a=b=c", None),
    ("a=é", Some("a=%C3%A9")),
    ("a=\\", Some("a=%5C")),
    ("a b=1", None),
    ("é=1", None),
    ("é", None),
    ("p\"q=1", None),
    ("p(q)", None),
    ("p[q]={r}", None),
    ("p\nq=1;k+b", None),
    ("\0=1;k+b=2", None),
];

fn sentry() -> Sentry {
    Sentry::builder().dsn(DSN).traces_sample_rate(1.0).build().expect("settings")
}

fn compositions(sentry: &Sentry) -> Vec<(&'static str, Propagator)> {
    let alone: Propagator = Box::new(sentry.propagator());
    [("alone", alone)].into_iter().chain(wraps(sentry)).chain(lists(sentry)).collect()
}

#[test]
fn own_metadata_follows_the_grammar() {
    let sentry = sentry();
    let mut faults = Faults::default();
    for (composition, propagator) in compositions(&sentry) {
        for (metadata, expected) in METADATA {
            for trace in ["-1", "-0", ""] {
                let incoming = headers([("sentry-trace", &*sentry_trace(trace))]);
                let cx = extract(&*propagator, &incoming);
                let cx = with_own(&cx, &[("a", "1", metadata)]);
                let sent = inject(&*propagator, &cx);
                let name = || format!("{composition}, {trace}, {metadata:?}");
                faults.note(name, fault(&sent, &cx));
                if let Some(expected) = expected {
                    let semicolon = if expected.is_empty() { "" } else { ";" };
                    let expected = format!("a=1{semicolon}{expected}");
                    let differs = sent.get("baggage") != Some(&expected);
                    faults.note(name, differs.then(|| format!("{:?}", sent.get("baggage"))));
                }
            }
        }
    }
    faults.none();
}

/// Incoming members that the stock propagator reads. It decodes their properties.
#[test]
fn a_forwarded_list_follows_the_grammar() {
    let sentry = sentry();
    let mut faults = Faults::default();
    for came in [
        "a=1;k+b=2",
        "a=1;k%2Bb=2",
        "a=1;=x",
        "a=1;%3D=x",
        "a=1;%3Dx",
        "a=1;;",
        "a=1; p = 1 ;\tq\t,b=2;k+b",
        "a=1;p%20q=1;r",
        "a=1;p%3Bq=1",
        "a=1;%20=1",
        "a=1;%20",
        "a=1;%0A=1;k+b=2",
        "a=1;p=%22x%22;q=%5C",
        "a=1;%22=1",
        "a=1;p=a b",
        "a=1;p=\"a b\"",
        "a=1;é=1",
        "a=1;p=é",
        "a=a b;k+b=2",
        "a=\"q\"",
        "a=b\\c",
    ] {
        for (composition, propagator) in wraps(&sentry).into_iter().chain(lists(&sentry)) {
            for under in Under::ALL {
                let incoming = headers([
                    ("sentry-trace", &*sentry_trace("-1")),
                    ("traceparent", &*traceparent("01")),
                    ("baggage", came),
                ]);
                for cx in under.below(&sentry, &extract(&*propagator, &incoming)) {
                    let sent = inject(&*propagator, &cx);
                    faults
                        .note(|| format!("{composition}, {under:?}, {came:?}"), fault(&sent, &cx));
                }
            }
        }
    }
    faults.none();
}

/// The smallest failing inputs, byte for byte.
#[test]
fn a_property_key_stays_a_token() {
    let sentry = sentry();
    for (came, expected) in [("a=1;k+b=2", "a=1;k+b=2"), ("a=1;=x", "a=1"), ("a=1;q;=x", "a=1;q")] {
        for (composition, propagator) in wraps(&sentry).into_iter().chain(lists(&sentry)) {
            if composition != "wrap(W3C)" {
                let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", came)]);
                let sent = inject(&*propagator, &extract(&*propagator, &incoming));
                assert_eq!(sent["baggage"], expected, "{composition}");
            }
        }
    }
}

/// Another party's propagator may write something that is not a list.
#[test]
fn valid_members_of_an_inner_propagator_are_sent() {
    let mut faults = Faults::default();
    for (inner, kept) in [
        ("a=1,no-value,b=2", "a=1,b=2"),
        ("a=1,=x,b=2", "a=1,b=2"),
        ("a=1,=,b=2", "a=1,b=2"),
        ("a=1,,b=2,", "a=1,b=2"),
        ("a=1;k+b=2,b=2", "a=1;k+b=2,b=2"),
        ("a=1;=x,b=2", "b=2"),
        ("a=1;;p,b=2", "b=2"),
        ("a b=1,b=2", "b=2"),
        ("a=\"q\",b=2", "b=2"),
        ("a=b c,b=2", "b=2"),
        ("a=\\,b=2", "b=2"),
        ("é=1,b=2", "b=2"),
        ("a=1;p q=1,b=2", "b=2"),
        ("a=1;é,b=2", "b=2"),
        ("(=1,b=2", "b=2"),
        ("a=1\r\nx-evil: 1,b=2", "b=2"),
        ("a=1\0,b=2", "b=2"),
        ("no-value", ""),
        ("=x", ""),
    ] {
        for own in [own(&[]), own(&[("cart", "3", "k+b=2")]), own(&[("b", "2", "")])] {
            let inner = list([w3c(), Box::new(Writes(inner))]);
            let wrapped = SentryPropagator::new().wrap(inner);
            let parent = extract(&wrapped, &headers([("sentry-trace", &*sentry_trace("-1"))]));
            for cx in [parent.with_baggage(own), Context::new()] {
                let sent = inject(&wrapped, &cx).remove("baggage").unwrap_or_default();
                let name = || format!("{kept:?}, {:?}: {sent:?}", cx.baggage());
                if !sent.is_empty() {
                    faults.note(name, baggage(&sent).err());
                }
                for member in kept.split(',').filter(|member| !member.is_empty()) {
                    let is_there = sent.split(',').any(|other| other == member);
                    faults.note(name, (!is_there).then(|| format!("{member} is gone")));
                }
            }
        }
    }
    faults.none();
}

/// Writes one list and reads nothing.
#[derive(Debug)]
struct Writes(&'static str);

impl TextMapPropagator for Writes {
    fn inject_context(&self, _cx: &Context, injector: &mut dyn Injector) {
        injector.set("baggage", self.0.to_owned());
    }

    fn extract_with_context(&self, cx: &Context, _extractor: &dyn Extractor) -> Context {
        cx.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}

/// A frozen DSC keeps every byte that a header can hold.
#[test]
fn sentrys_members_follow_the_grammar() {
    let mut faults = Faults::default();
    for came in [
        "sentry-release=a b",
        "sentry-release=\"q\"",
        "sentry-release=é",
        "sentry-release=a\\b",
        "sentry-release=1;p=1;=x",
        "sentry-a b=1,sentry-release=1",
        "sentry-é=1,sentry-release=1",
        "sentry-=1,sentry-release=1",
        "sentry-release",
        "sentry-release = 1 ",
        "sentry-release\t=\t1\t",
        "sentry-k+b=1+1",
        "sentry-(=1",
        "sentry-release=a=b=c",
        "sentry-release=\u{1}",
    ] {
        let sentry = sentry();
        for (composition, propagator) in compositions(&sentry) {
            let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", came)]);
            for under in Under::ALL {
                for cx in under.below(&sentry, &extract(&*propagator, &incoming)) {
                    let sent = inject(&*propagator, &cx);
                    let list = sent.get("baggage").map_or("", String::as_str);
                    if !list.is_empty() {
                        let name = || format!("{composition}, {under:?}, {came:?}: {list:?}");
                        faults.note(name, baggage(list).err());
                    }
                }
            }
        }
    }
    faults.none();
}
