//! `rewrite_tracestate` alone, and `deny_unknown_urls` in a list: requests without Sentry headers
//! get none of our members.

use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryBuilder};

use crate::lists::{list, w3c, Composition, Propagator};
use crate::own::Faults;
use crate::service::{
    extract, headers, inject, own, sentry_trace, span_context, traceparent, Under, DSN,
};
use opentelemetry::baggage::BaggageExt;

const ALLOWED: &str = "https://api.myecommerce.com/";
const DENIED: &str = "https://tracker.example/";
const AT_SENTRY: &str = "https://o1.ingest.sentry.io/api/42/";

fn builder() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("SECRET-release").rewrite_tracestate(true)
}

/// Parents whose trace state has our member and another party's.
fn parents(sentry: &Sentry) -> Vec<(&'static str, Context)> {
    let both = list([w3c(), Box::new(sentry.propagator())]);
    let came = |pairs: &[(&str, &str)]| {
        let incoming = headers(pairs.iter().copied());
        extract(&both, &incoming)
    };
    let (trace, deferred) = (sentry_trace("-1"), sentry_trace(""));
    let parent = traceparent("01");
    let state = ("tracestate", "vendor=1,ot=x:y");
    let dsc =
        ("baggage", "sentry-release=theirs,sentry-sample_rand=0.5,sentry-transaction=checkout");
    vec![
        ("new", Context::new()),
        ("sentry-trace", came(&[("sentry-trace", &trace), dsc])),
        ("both", came(&[("sentry-trace", &trace), ("traceparent", &parent), state, dsc])),
        ("undecided", came(&[("sentry-trace", &deferred), ("traceparent", &parent), state, dsc])),
        ("no DSC", came(&[("sentry-trace", &trace), ("traceparent", &parent), state])),
        ("traceparent", came(&[("traceparent", &parent), state])),
    ]
}

/// Alone, no other propagator writes `tracestate`: a request without Sentry headers gets none.
#[test]
fn alone_a_denied_or_suppressed_request_gets_nothing() {
    let mut faults = Faults::default();
    for (setting, builder) in [
        ("no rate", builder()),
        ("rate 1", builder().traces_sample_rate(1.0)),
        ("traceparent", builder().propagate_traceparent(true)),
    ] {
        let sentry = builder.trace_propagation_targets([ALLOWED]).build().expect("settings");
        let propagator = sentry.propagator();
        for under in Under::ALL {
            for (came, parent) in parents(&sentry) {
                for cx in under.below(&sentry, &parent) {
                    let cx = cx.with_baggage(own(&[("tenant", "7", "")]));
                    for (why, cx) in [
                        ("denied", cx.with_outgoing_url(DENIED)),
                        ("at Sentry", cx.with_outgoing_url(AT_SENTRY)),
                        ("suppressed", cx.with_telemetry_suppressed()),
                        (
                            "suppressed, allowed",
                            cx.with_outgoing_url(ALLOWED).with_telemetry_suppressed(),
                        ),
                        ("no valid span", cx.with_remote_span_context(SpanContext::NONE)),
                    ] {
                        let sent = inject(&propagator, &cx);
                        let name = || format!("{setting}, {under:?}, {came}, {why}");
                        faults.note(name, (!sent.is_empty()).then(|| format!("{sent:?}")));
                    }
                    let sent = inject(&propagator, &cx.with_outgoing_url(ALLOWED));
                    let is_there = sent.contains_key("sentry-trace") || !cx.has_active_span();
                    assert!(is_there, "{setting}, {under:?}, {came}: {sent:?}");
                }
            }
        }
    }
    faults.none();
}

/// The same with an empty target list, or if the sampler denied the span at its start.
#[test]
fn alone_a_denied_span_gets_nothing() {
    let mut faults = Faults::default();
    let nowhere = builder().trace_propagation_targets([""; 0]).build().expect("settings");
    let api = builder().trace_propagation_targets([ALLOWED]);
    let strict = api.clone().deny_unknown_urls(true).build().expect("settings");
    let api = api.build().expect("settings");
    for (why, sentry, url) in [
        ("nowhere", &nowhere, Some(ALLOWED)),
        ("nowhere, unknown", &nowhere, None),
        ("denied", &api, Some(DENIED)),
        ("unknown", &strict, None),
    ] {
        for (came, parent) in parents(sentry) {
            for kind in [SpanKind::Client, SpanKind::Producer] {
                let cx = Under::Ours.start(sentry, &parent, kind.clone(), url);
                let sent = inject(&sentry.propagator(), &cx);
                let name = || format!("{why}, {came}, {kind:?}");
                faults.note(name, (!sent.is_empty()).then(|| format!("{sent:?}")));
            }
        }
    }
    faults.none();
}

/// Values that must not be sent where no Sentry header is sent.
const SECRETS: [&str; 5] = ["theirs", "checkout", "SECRET", "49d0f738", "o1"];

/// `deny_unknown_urls` in a list: the sampler sees the span's kind, the option and the missing URL.
#[test]
fn a_span_without_a_url_is_denied_in_a_list_too() {
    let mut faults = Faults::default();
    let api = || {
        let builder = Sentry::builder().dsn(DSN).release("SECRET-release");
        builder.trace_propagation_targets([ALLOWED]).deny_unknown_urls(true)
    };
    for (setting, builder) in [
        ("no rate", api()),
        ("rate 1", api().traces_sample_rate(1.0)),
        ("rate 0", api().traces_sample_rate(0.0)),
        ("callback", api().traces_sampler(|_| 1.0)),
    ] {
        let sentry = builder.build().expect("settings");
        let compositions: [(&str, Propagator); 4] = [
            Composition::W3cSentry,
            Composition::W3cBaggageSentry,
            Composition::BaggageW3cSentry,
            Composition::WrapW3c,
        ]
        .map(|composition| (composition.name(), composition.propagator(&sentry)));
        for (came, remote) in parents(&sentry) {
            let server = Under::Ours.start(&sentry, &remote, SpanKind::Server, None);
            for (place, parent) in [("below the remote parent", remote), ("local", server)] {
                for kind in [SpanKind::Client, SpanKind::Producer] {
                    let cx = Under::Ours.start(&sentry, &parent, kind.clone(), None);
                    for (composition, propagator) in &compositions {
                        let sent = inject(&**propagator, &cx);
                        let name =
                            || format!("{composition}, {setting}, {came}, {place}, {kind:?}");
                        let has_ours = sent.contains_key("sentry-trace")
                            || sent.get("baggage").is_some_and(|list| list.contains("sentry-"));
                        faults.note(name, has_ours.then(|| format!("{sent:?}")));
                        let state = sent.get("tracestate").map_or("", String::as_str);
                        let secret = SECRETS.iter().find(|secret| state.contains(*secret));
                        faults.note(name, secret.map(|secret| format!("{secret} in {state}")));
                    }
                    // A URL in the context counts as known, whatever the span's attributes are.
                    let allowed = cx.with_outgoing_url(ALLOWED);
                    let sent = inject(&*compositions[0].1, &allowed);
                    assert!(sent.contains_key("sentry-trace"), "{setting}, {came}: {sent:?}");
                    // The trace continues below it, without our removed DSC.
                    let below = Under::Ours.start(&sentry, &cx, SpanKind::Client, Some(ALLOWED));
                    let sent = inject(&*compositions[0].1, &below);
                    assert!(sent.contains_key("sentry-trace"), "{setting}, {came}: {sent:?}");
                }
                // Span kinds that send no request carry no permission and keep their trace state.
                let inner = Under::Ours.start(&sentry, &parent, SpanKind::Internal, None);
                let with_url = Under::Ours.start(&sentry, &inner, SpanKind::Client, Some(ALLOWED));
                let sent = inject(&*compositions[0].1, &with_url);
                let lost = came.contains("both") && !sent["baggage"].contains("theirs");
                faults.note(
                    || format!("{setting}, {came}, {place}"),
                    lost.then(|| format!("{sent:?}")),
                );
                let known_before = parent.with_outgoing_url(ALLOWED);
                let client = Under::Ours.start(&sentry, &known_before, SpanKind::Client, None);
                let sent = inject(&*compositions[0].1, &client);
                assert!(sent.contains_key("sentry-trace"), "{setting}, {came}: {sent:?}");
            }
        }
    }
    faults.none();
}

/// Without the option an unknown URL is allowed and the DSC stays. This shows that the test above
/// can fail.
#[test]
fn without_the_option_the_dsc_stays() {
    let sentry = Sentry::builder().dsn(DSN).trace_propagation_targets([ALLOWED]).build().unwrap();
    let (_, parent) = parents(&sentry).remove(2);
    let cx = Under::Ours.start(&sentry, &parent, SpanKind::Client, None);
    assert!(span_context(&cx).trace_state().header().contains("theirs"));
    let sent = inject(&*Composition::W3cSentry.propagator(&sentry), &cx);
    assert!(
        sent["baggage"].contains("theirs") && sent["tracestate"].contains("theirs"),
        "{sent:?}"
    );
}
