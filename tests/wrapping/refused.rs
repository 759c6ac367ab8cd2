//! A rejected trace: the next span is the recorded head of a new one, under any sampler.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use super::inner::{headers, Headers, B3, SPAN, TRACE};
use crate::call::{call, Call, Called, NEW_TRACE};
use crate::lists::{list, Composition, Propagator};

const OTHER: &str = "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a";

#[derive(Clone, Copy, Debug)]
enum Under {
    Sentry,
    ParentBasedAlwaysOn,
    ParentBasedOfFive,
}

impl Under {
    fn call(
        self,
        sentry: &Sentry,
        propagator: &dyn TextMapPropagator,
        incoming: &Headers,
    ) -> (Called, Headers) {
        let mut sent = Headers::new();
        let request = Call { name: "checkout", ..Call::default() };
        let called = match self {
            Under::Sentry => call(propagator, sentry.sampler(), incoming, request, &mut sent),
            Under::ParentBasedAlwaysOn => {
                let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
                call(propagator, sampler, incoming, request, &mut sent)
            }
            Under::ParentBasedOfFive => {
                let sampler = Sampler::parent_based(Sampler::AlwaysOn);
                call(propagator, sampler, incoming, request, &mut sent)
            }
        };
        (called, sent)
    }
}

const SAMPLERS: [Under; 3] = [Under::Sentry, Under::ParentBasedAlwaysOn, Under::ParentBasedOfFive];

fn ours() -> SentryBuilder {
    Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
        .traces_sample_rate(1.0)
}

/// Settings and baggage members that reject a trace.
fn refusals() -> [(&'static str, Sentry, &'static str); 4] {
    let strict = || ours().strict_trace_continuation(true);
    let without_org = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@sentry.example/17")
        .traces_sample_rate(1.0)
        .strict_trace_continuation(true);
    [
        ("another organization", ours().build(), "sentry-org_id=7"),
        ("strict, another", strict().build(), "sentry-org_id=7"),
        ("strict, theirs unknown", strict().build(), "sentry-release=theirs"),
        ("strict, ours unknown", without_org.build(), "sentry-org_id=7"),
    ]
    .map(|(name, sentry, dsc)| (name, sentry.expect("settings"), dsc))
}

/// The compositions in which a rejection holds.
fn compositions() -> impl Iterator<Item = Composition> {
    Composition::ALL.into_iter().filter(|composition| *composition != Composition::SentryW3cBaggage)
}

#[test]
fn the_next_span_is_a_recorded_head_under_any_sampler() {
    for (refusal, sentry, dsc) in refusals() {
        for composition in compositions() {
            let propagator = composition.propagator(&sentry);
            for sampler in SAMPLERS {
                for flag in ["-1", "-0", ""] {
                    for traceparent in [
                        format!("{TRACE}-{SPAN}-01"),
                        format!("{TRACE}-{SPAN}-00"),
                        format!("{OTHER}-01"),
                    ] {
                        let incoming = headers([
                            ("sentry-trace", &*format!("{TRACE}-{SPAN}{flag}")),
                            ("traceparent", &*format!("00-{traceparent}")),
                            ("tracestate", "vendor=1,ot=th:8;rv:ffffffffffffff"),
                            ("baggage", &*format!("sentry-trace_id={TRACE},{dsc},tenant=7")),
                        ]);
                        // If there are two traces, W3C's is not the rejected one.
                        let name = format!(
                            "{refusal}, {}, {sampler:?}, {flag}, {traceparent}",
                            composition.name()
                        );
                        let (called, sent) = sampler.call(&sentry, &*propagator, &incoming);
                        assert_head(&called, &sent, &name);
                        assert!(!sent["baggage"].contains("theirs"), "{name}: {sent:?}");
                        assert!(!sent["baggage"].contains("org_id=7"), "{name}: {sent:?}");
                    }
                }
            }
        }
    }
}

#[track_caller]
fn assert_head(called: &Called, sent: &Headers, name: &str) {
    assert!(!called.extracted.has_active_span(), "{name}");
    assert_eq!(called.recorded.len(), 2, "{name}");
    assert_eq!(called.span_context().trace_id(), NEW_TRACE, "{name}");
    let new = NEW_TRACE.to_string();
    let span = called.span_context().span_id();
    assert_eq!(sent["sentry-trace"], format!("{new}-{span}-1"), "{name}");
    assert!(sent["baggage"].contains(&format!("sentry-trace_id={new},")), "{name}: {sent:?}");
    let traceparent = sent.get("traceparent").map(String::as_str);
    assert!(traceparent.map_or(true, |value| value == format!("00-{new}-{span}-01")), "{name}");
    let tracestate = sent.get("tracestate").map_or("", String::as_str);
    assert!(!tracestate.contains("vendor") && !tracestate.contains("rv:"), "{name}: {tracestate}");
}

/// An inner propagator that reads the same trace from other headers.
#[test]
fn b3_does_not_restore_the_trace() {
    let incoming = headers([
        ("sentry-trace", &*format!("{TRACE}-{SPAN}-0")),
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", SPAN),
        ("x-b3-sampled", "0"),
        ("baggage", "sentry-org_id=7"),
    ]);
    let sentry = ours().build().expect("settings");
    let wrapped = sentry.propagator().wrap(B3::new());
    let listed = list([Box::new(B3::new()) as Propagator, Box::new(sentry.propagator())]);
    for propagator in [&wrapped as &dyn TextMapPropagator, &listed] {
        for sampler in SAMPLERS {
            let (called, sent) = sampler.call(&sentry, propagator, &incoming);
            assert_head(&called, &sent, &format!("{sampler:?}"));
            assert_eq!(sent["x-b3-traceid"], NEW_TRACE.to_string());
        }
    }
}

struct Theirs(u8);

/// `wrap` keeps the whole context. A plain list must remove a remote span, and so keeps only
/// baggage and suppression.
#[test]
fn the_context_after_a_rejection() {
    let sentry = ours().build().expect("settings");
    let refused = |more: &[(&'static str, String)]| {
        let mut incoming = headers([
            ("sentry-trace", &*format!("{TRACE}-{SPAN}-0")),
            ("baggage", "sentry-org_id=7,tenant=7"),
        ]);
        incoming.extend(more.iter().map(|(name, value)| (name.to_string(), value.clone())));
        incoming
    };
    let traceparent = [("traceparent", format!("00-{TRACE}-{SPAN}-00"))];
    for composition in compositions() {
        let propagator = composition.propagator(&sentry);
        for (incoming, has_remote) in [(refused(&[]), false), (refused(&traceparent), true)] {
            let cx = Context::new().with_value(Theirs(1)).with_telemetry_suppressed();
            let cx = propagator.extract_with_context(&cx, &incoming);
            let name = composition.name();
            assert!(!cx.has_active_span(), "{name}");
            assert!(cx.is_telemetry_suppressed(), "{name}");
            let reads_baggage = name.contains("Baggage");
            assert_eq!(cx.baggage().len(), usize::from(reads_baggage), "{name}");
            let kept = cx.get::<Theirs>().is_some_and(|theirs| theirs.0 == 1);
            let lost = has_remote && name.starts_with('[');
            assert_eq!(kept, !lost, "{name}, remote span {has_remote}");
        }
    }
}

/// A remote span that was active before the rejection is removed too.
#[test]
fn an_earlier_remote_span_is_not_a_parent() {
    let sentry = ours().build().expect("settings");
    let before = headers([
        ("traceparent", &*format!("00-{OTHER}-01")),
        ("sentry-trace", &*format!("{OTHER}-1")),
    ]);
    let refused =
        headers([("sentry-trace", &*format!("{TRACE}-{SPAN}-0")), ("baggage", "sentry-org_id=7")]);
    for composition in Composition::ALL {
        let propagator = composition.propagator(&sentry);
        let cx = propagator.extract_with_context(&Context::new(), &before);
        assert!(cx.span().span_context().is_valid());
        let cx = propagator.extract_with_context(&cx, &refused);
        assert!(!cx.has_active_span(), "{}", composition.name());
    }
}
