//! If another propagator adds a `sentry` member of another trace after our extract, it is rejected
//! regardless of its other content.
//!
//! Our own propagator and sampler make the members for trace A. The DSC spells A's id in another
//! form than the trace does. The members arrive in the `tracestate` of trace B.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::SpanKind;
use opentelemetry::Context;
use opentelemetry_sentry::Sentry;

use crate::lists::{baggage, list, w3c, Propagator};
use crate::own::Faults;
use crate::service::{
    extract, headers, inject, span_context, Headers, Under, DSN, OTHER_TRACE, SPAN, TRACE,
};
use crate::w3c::decoded;

const ALLOWED: &str = "https://api.myecommerce.com/";
const DENIED: &str = "https://tracker.example/";

fn settings() -> Vec<(&'static str, Sentry)> {
    let builder = || Sentry::builder().dsn(DSN);
    let targets = || builder().trace_propagation_targets([ALLOWED]);
    [
        ("no rate", builder().build()),
        ("rate 1", builder().traces_sample_rate(1.0).build()),
        ("rate 0", builder().traces_sample_rate(0.0).build()),
        ("callback", builder().traces_sampler(|_| 1.0).build()),
        ("targets", targets().traces_sample_rate(1.0).build()),
        ("unknown denied", targets().deny_unknown_urls(true).build()),
        ("bare", Sentry::builder().build()),
    ]
    .map(|(name, sentry)| (name, sentry.expect("settings")))
    .into()
}

/// Every `tracestate` that spells out the id of trace A, with its origin.
fn forged() -> Vec<(String, String)> {
    let upper = TRACE.to_ascii_uppercase();
    let escaped: String = TRACE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mixed = format!("7%371A{}", &TRACE[4..]);
    let more = [
        "sentry-release=EVIL",
        "sentry-release=EVIL,sentry-sampled=true,sentry-sample_rate=1,sentry-sample_rand=0.5",
        "sentry-release=EVIL,sentry-sampled=false,sentry-sample_rate=0.25,sentry-sample_rand=0.5",
        "sentry-release=EVIL,sentry-sample_rand=0.000001,sentry-org_id=1,sentry-EVIL=x",
    ];
    let mut forged = Vec::new();
    for (setting, sentry) in settings() {
        let propagator = sentry.propagator();
        for (id, more) in more
            .map(|more| (&upper, more))
            .into_iter()
            .chain([(&escaped, more[0]), (&mixed, more[0])])
        {
            for flag in ["-1", "-0", ""] {
                let incoming = headers([
                    ("sentry-trace", &*format!("{TRACE}-{SPAN}{flag}")),
                    ("baggage", &*format!("sentry-trace_id={id},{more}")),
                ]);
                let remote = extract(&propagator, &incoming);
                let server = Under::Ours.start(&sentry, &remote, SpanKind::Server, None);
                let client =
                    |at: &Context, url| Under::Ours.start(&sentry, at, SpanKind::Client, url);
                let foreign = Under::ParentBased.start(&sentry, &remote, SpanKind::Server, None);
                for (span, cx) in [
                    ("remote", remote.clone()),
                    ("server", server.clone()),
                    ("client", client(&server, Some(ALLOWED))),
                    ("denied", client(&server, Some(DENIED))),
                    ("unknown", client(&remote, None)),
                    ("foreign", foreign),
                ] {
                    let state = span_context(&cx).trace_state().header();
                    if state.contains("sentry=") {
                        forged.push((format!("{setting}, {flag}, {span}, {more}, {id}"), state));
                    }
                }
            }
        }
    }
    // Keep one of each text. They differ in their status.
    forged.sort_by(|(_, a), (_, b)| a.cmp(b));
    forged.dedup_by(|(_, a), (_, b)| a == b);
    assert!(forged.len() > 20, "{}", forged.len());
    forged
}

/// Orders in which another propagator runs after ours and adds its trace state.
fn orders(sentry: &Sentry) -> Vec<(&'static str, Propagator)> {
    let ours = || -> Propagator { Box::new(sentry.propagator()) };
    let composite = |propagators: Vec<Propagator>| -> Propagator {
        Box::new(TextMapCompositePropagator::new(propagators))
    };
    vec![
        ("[Sentry, W3C]", composite(vec![ours(), w3c()])),
        ("[Sentry, Baggage, W3C]", composite(vec![ours(), baggage(), w3c()])),
        ("[Baggage, Sentry, W3C]", composite(vec![baggage(), ours(), w3c()])),
        ("[wrap(Baggage), W3C]", {
            let wrapped = sentry.propagator().wrap(list([baggage()]));
            composite(vec![Box::new(wrapped), w3c()])
        }),
        ("[W3C, Sentry]", composite(vec![w3c(), ours()])),
        ("wrap(W3C)", Box::new(sentry.propagator().wrap(list([w3c()])))),
    ]
}

/// The content of Sentry's headers, without the id of the sending span.
fn sentry_headers(sent: &Headers, cx: &Context) -> (Option<String>, Option<String>) {
    let span_id = span_context(cx).span_id().to_string();
    let value = |name: &str| sent.get(name).map(|value| value.replace(&span_id, "{span}"));
    (value("sentry-trace"), value("baggage").filter(|list| !list.is_empty()))
}

#[test]
fn it_is_rejected_with_any_status() {
    let mut faults = Faults::default();
    let forged = forged();
    let shop = Sentry::builder().dsn(DSN).release("shop");
    for (setting, sentry) in [
        ("a head's", shop.clone().build().expect("settings")),
        ("a rate", shop.traces_sample_rate(1.0).build().expect("settings")),
    ] {
        for (order, propagator) in orders(&sentry) {
            for flags in ["01", "00"] {
                for (what, state) in &forged {
                    for under in Under::SHORT {
                        for (cx, sent) in sent(&*propagator, &sentry, flags, state, under) {
                            let (trace, list) = sentry_headers(&sent, &cx);
                            let list = list.unwrap_or_default();
                            let name = || {
                                format!("{setting}, {order}, {flags}, {under:?}, {what}: {state}")
                            };
                            let is_evil = list.contains("EVIL") || names_a(&list);
                            faults.note(name, is_evil.then(|| list.clone()));
                            let of_a = trace.filter(|trace| !trace.starts_with(OTHER_TRACE));
                            faults.note(name, of_a);
                        }
                    }
                }
            }
        }
    }
    faults.none();
}

/// Sends a request of trace B with this trace state. Returns the spans below it and the headers
/// that each sends.
fn sent(
    propagator: &dyn TextMapPropagator,
    sentry: &Sentry,
    flags: &str,
    state: &str,
    under: Under,
) -> Vec<(Context, Headers)> {
    let traceparent = format!("00-{OTHER_TRACE}-{SPAN}-{flags}");
    let incoming = headers([("traceparent", &*traceparent), ("tracestate", state)]);
    let below = under.below(sentry, &extract(propagator, &incoming));
    let send = |cx: Context| {
        let sent = inject(propagator, &cx);
        (cx, sent)
    };
    below.into_iter().map(send).collect()
}

/// Whether the headers name trace A, in any spelling.
fn names_a(list: &str) -> bool {
    decoded(list).to_ascii_lowercase().contains(TRACE)
}

/// All rejected members have the same effect: none. Their flags, rates and deferred decisions are
/// ignored, and `sentry-trace` is as it is without the member.
#[test]
fn all_statuses_have_the_same_effect() {
    let mut faults = Faults::default();
    let forged = forged();
    let sentry = Sentry::builder().dsn(DSN).release("shop").build().expect("settings");
    for (order, propagator) in orders(&sentry) {
        for flags in ["01", "00"] {
            for under in Under::SHORT {
                let all = |state: &str| -> (Vec<_>, Vec<_>) {
                    let sent = sent(&*propagator, &sentry, flags, state, under);
                    sent.iter().map(|(cx, sent)| sentry_headers(sent, cx)).unzip()
                };
                let (without, _) = all("");
                let mut first = None;
                // A denied span has no DSC, so it names no trace.
                for (what, state) in forged.iter().filter(|(_, state)| names_a(state)) {
                    let ot = |member: &&str| !member.starts_with("ot=");
                    let state = state.split(',').filter(ot).collect::<Vec<_>>().join(",");
                    let (traces, lists) = all(&state);
                    let name = || format!("{order}, {flags}, {under:?}, {what}: {state}");
                    let differs = traces != without;
                    faults.note(name, differs.then(|| format!("{traces:?}, not {without:?}")));
                    let first = first.get_or_insert_with(|| lists.clone());
                    let differs = lists != *first;
                    faults.note(name, differs.then(|| format!("{lists:?}, not {first:?}")));
                }
                assert!(first.is_some(), "no forged member was tried");
            }
        }
    }
    faults.none();
}

/// A member that names the trace itself is adopted like a header. This shows that the tests above
/// can fail.
#[test]
fn a_member_of_the_same_trace_is_adopted() {
    let sentry = Sentry::builder().build().expect("settings");
    let (_, propagator) = orders(&sentry).remove(0);
    let incoming = headers([
        ("sentry-trace", &*format!("{TRACE}-{SPAN}-1")),
        ("baggage", "sentry-release=theirs,sentry-sample_rand=0.5"),
    ]);
    let state = span_context(&extract(&sentry.propagator(), &incoming)).trace_state().header();
    let incoming =
        headers([("traceparent", &*format!("00-{TRACE}-{SPAN}-01")), ("tracestate", &*state)]);
    let sent = inject(&*propagator, &extract(&*propagator, &incoming));
    assert!(sent["baggage"].contains("sentry-release=theirs"), "{sent:?}");
}
