//! In a list, the stock `baggage` must not keep `sentry-*` members when our DSC is empty.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryPropagator};

use crate::own::Faults;
use crate::service::{
    extract, headers, inject, lists, own, sentry_trace, traceparent, with_own, wraps, Headers,
    Under, DSN,
};
use opentelemetry::baggage::BaggageExt;

const ALLOWED: &str = "https://api.myecommerce.com/";
const DENIED: &str = "https://tracker.example/";

/// Key, value, metadata.
type Member = (&'static str, &'static str, &'static str);

/// The context's own baggage, and the members that may be sent.
const OWN: [(&[Member], &[&str]); 8] = [
    (&[("sentry-foo", "x", "")], &[]),
    (&[("sentry-foo", "x", "p=1")], &[]),
    (&[("sentry-foo", "x", ""), ("sentry-bar", "y", "")], &[]),
    (&[("sentry-", "x", "")], &[]),
    (&[("sentry-release", "a,sentry-x=1", "")], &[]),
    (&[("sentry-trace_id", "12312012123120121231201212312012", "")], &[]),
    (&[("sentry-foo", "x", ""), ("tenant", "7", "")], &["tenant=7"]),
    (&[("Sentry-foo", "x", ""), ("sentry", "y", "")], &["Sentry-foo=x", "sentry=y"]),
];

fn members(sent: &Headers) -> Vec<&str> {
    let list = sent.get("baggage").map_or("", String::as_str);
    let mut members: Vec<&str> = list.split(',').filter(|member| !member.is_empty()).collect();
    members.sort_unstable();
    members
}

/// The DSC that our next service takes for this trace's.
fn next(sent: &Headers) -> Headers {
    let next = SentryPropagator::new();
    inject(&next, &next.extract(sent))
}

/// One trace with an empty frozen DSC, and one whose head has no DSN: we write no members for
/// either.
#[test]
fn of_an_empty_dsc() {
    let mut faults = Faults::default();
    for sentry in [
        Sentry::builder().build().expect("settings"),
        Sentry::builder().traces_sample_rate(1.0).build().expect("settings"),
        Sentry::builder().dsn(DSN).traces_sample_rate(0.5).build().expect("settings"),
    ] {
        for (composition, propagator) in lists(&sentry).into_iter().chain(wraps(&sentry)) {
            for flag in ["-1", "-0", ""] {
                let trace = sentry_trace(flag);
                for (came, incoming) in [
                    ("sentry-trace", headers([("sentry-trace", &*trace)])),
                    (
                        "both",
                        headers([("sentry-trace", &*trace), ("traceparent", &*traceparent("01"))]),
                    ),
                    (
                        "another trace's DSC",
                        headers([
                            ("sentry-trace", &*trace),
                            ("baggage", "sentry-trace_id=12312012123120121231201212312012"),
                        ]),
                    ),
                ] {
                    for under in Under::SHORT {
                        for cx in under.below(&sentry, &extract(&*propagator, &incoming)) {
                            for (own, expected) in OWN {
                                let sent = inject(&*propagator, &with_own(&cx, own));
                                let differs = members(&sent) != expected;
                                let name =
                                    || format!("{composition}, {flag}, {came}, {under:?}, {own:?}");
                                let fault = differs.then(|| format!("{:?}", sent.get("baggage")));
                                faults.note(name, fault);
                                let next = next(&sent);
                                let believed = next.get("baggage").cloned();
                                faults.note(name, believed.map(|list| format!("next: {list}")));
                            }
                        }
                    }
                }
            }
        }
    }
    faults.none();
}

/// Without a DSN a head has no DSC.
#[test]
fn of_a_head_without_a_dsn() {
    let mut faults = Faults::default();
    let sentry = Sentry::builder().traces_sample_rate(1.0).build().expect("settings");
    for (composition, propagator) in lists(&sentry).into_iter().chain(wraps(&sentry)) {
        for under in &Under::ALL[1..] {
            for cx in under.below(&sentry, &Context::new()) {
                for (own, expected) in OWN {
                    let sent = inject(&*propagator, &with_own(&cx, own));
                    let differs = members(&sent) != expected;
                    let name = || format!("{composition}, {under:?}, {own:?}");
                    faults.note(name, differs.then(|| format!("{:?}", sent.get("baggage"))));
                    let believed = next(&sent).get("baggage").cloned();
                    faults.note(name, believed.map(|list| format!("next: {list}")));
                }
            }
        }
    }
    faults.none();
}

/// Where we write no members, `wrap` still filters the context's `sentry-*` members. The stock
/// propagator's other members stay.
#[test]
fn where_we_write_nothing() {
    let mut faults = Faults::default();
    let builder = || Sentry::builder().dsn(DSN);
    for (setting, sentry) in [
        ("a list", builder().trace_propagation_targets([ALLOWED]).build().expect("settings")),
        ("nowhere", builder().trace_propagation_targets([""; 0]).build().expect("settings")),
    ] {
        for (composition, propagator) in lists(&sentry).into_iter().chain(wraps(&sentry)) {
            let incoming = headers([
                ("sentry-trace", &*sentry_trace("-1")),
                ("baggage", "sentry-release=theirs"),
            ]);
            let cx = extract(&*propagator, &incoming);
            for (why, cx) in [
                ("denied", cx.with_outgoing_url(DENIED)),
                ("suppressed", cx.with_telemetry_suppressed()),
                ("no span", Context::new()),
            ] {
                for (own, expected) in OWN {
                    let sent = inject(&*propagator, &with_own(&cx, own));
                    let found = members(&sent);
                    let strays: Vec<&&str> =
                        found.iter().filter(|member| member.starts_with("sentry-")).collect();
                    let name = || format!("{setting}, {composition}, {why}, {own:?}");
                    // In a list, we leave another propagator's header unchanged.
                    let has_strays = !strays.is_empty() && composition.starts_with("wrap");
                    faults.note(name, has_strays.then(|| format!("{:?}", sent.get("baggage"))));
                    let is_wrapped_alone = composition == "wrap(W3C)";
                    let is_lost =
                        !is_wrapped_alone && !expected.iter().all(|member| found.contains(member));
                    faults.note(name, is_lost.then(|| format!("lost: {:?}", sent.get("baggage"))));
                    assert!(!sent.contains_key("sentry-trace"), "{}", name());
                }
            }
        }
    }
    faults.none();
}

/// Alone, there is no other propagator's header: a context without other members sends no
/// `baggage`.
#[test]
fn alone_no_empty_header_goes_out() {
    let sentry = Sentry::builder().dsn(DSN).build().expect("settings");
    let propagator = sentry.propagator();
    let incoming = headers([("sentry-trace", &*sentry_trace("-1"))]);
    let cx = extract(&propagator, &incoming);
    assert!(cx.has_active_span());
    assert!(!inject(&propagator, &cx).contains_key("baggage"));
    let tenant = cx.with_baggage(own(&[("tenant", "7", "")]));
    assert_eq!(inject(&propagator, &tenant)["baggage"], "tenant=7");
}
