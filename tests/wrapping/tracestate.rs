//! `tracestate` is sent without our members, with all others, and without a false `th`.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::OutgoingUrlExt;

use super::inner::{
    headers, inject, sentry, span_context, Writes, ALLOWED, B3, DENIED, SPAN, TRACE,
};
use crate::call::{call, Call};
use crate::lists::Composition;

struct Row {
    name: &'static str,
    /// The `tracestate` that the inner propagator writes. It may differ from the span's.
    inner: &'static str,
    sampled: bool,
    out: &'static str,
}

const fn row(name: &'static str, inner: &'static str, sampled: bool, out: &'static str) -> Row {
    Row { name, inner, sampled, out }
}

// The low 56 bits of the trace id are 0x20121231212312012 & 0xff_ffff_ffff_ffff.
const ROWS: [Row; 17] = [
    row("empty", "", true, ""),
    row("others'", "vendor=1,a@b=x y", true, "vendor=1,a@b=x y"),
    row("ours", "sentry=c..;T,vendor=1", true, "vendor=1"),
    row("ours, several", "sentry=c..;T,sentry-2=x,sentry-17=y,vendor=1", true, "vendor=1"),
    row("only ours", "sentry=c..;T,sentry-2=x", true, ""),
    row("ours, not first", "vendor=1,sentry=c..;T,other=2", true, "vendor=1,other=2"),
    row("ours, in every form", "sentry=,vendor=1", true, "vendor=1"),
    row(
        "keys similar to ours",
        "sentryco=1,sentry-x=2,sentry-2x=3",
        true,
        "sentryco=1,sentry-x=2,sentry-2x=3",
    ),
    row("spaces", " vendor=1 , sentry=c..;T,\tother=2", true, "vendor=1,other=2"),
    row(
        "th that holds",
        "sentry=c..;T,ot=th:0;rv:80000000000000",
        true,
        "ot=th:0;rv:80000000000000",
    ),
    row(
        "th with others' fields",
        "vendor=1,ot=th:8;rv:ffffffffffffff;x:y",
        true,
        "vendor=1,ot=th:8;rv:ffffffffffffff;x:y",
    ),
    row("th above rv", "ot=th:8;rv:7fffffffffffff,vendor=1", true, "ot=rv:7fffffffffffff,vendor=1"),
    row(
        "th on a dropped span",
        "ot=th:8;rv:ffffffffffffff,vendor=1",
        false,
        "ot=rv:ffffffffffffff,vendor=1",
    ),
    row("only th on a dropped span", "ot=th:8,vendor=1", false, "vendor=1"),
    row("another party's sub-key", "ot=x:y;th:8", false, "ot=x:y"),
    row("no th on a dropped span", "ot=rv:ffffffffffffff;x:y", false, "ot=rv:ffffffffffffff;x:y"),
    row("no valid threshold", "ot=th:G;x:y", true, "ot=x:y"),
];

#[test]
fn every_row_is_sent_as_specified() {
    for row in ROWS {
        let wrapped = sentry().propagator().wrap(Writes::new([("TraceState", row.inner)]));
        let cx = Context::new().with_remote_span_context(span_context(row.sampled, ""));
        for cx in [
            cx.with_outgoing_url(ALLOWED),
            cx.with_outgoing_url(DENIED),
            cx.with_telemetry_suppressed(),
        ] {
            assert_eq!(inject(&wrapped, &cx)["tracestate"], row.out, "{}", row.name);
        }
    }
}

/// The same through W3C's own propagator, which reads the span's trace state.
#[test]
fn w3cs_propagator_sends_the_same() {
    for row in
        ROWS.iter().filter(|row| row.inner.parse::<opentelemetry::trace::TraceState>().is_ok())
    {
        let wrapped = sentry().propagator().wrap(TraceContextPropagator::new());
        let cx = Context::new().with_remote_span_context(span_context(row.sampled, row.inner));
        assert_eq!(inject(&wrapped, &cx)["tracestate"], row.out, "{}", row.name);
    }
}

/// Beside ours there is only `ot`, which is then not given to the inner propagator.
#[test]
fn what_the_inner_propagator_writes_comes_before_ot() {
    const OT: &str = "ot=th:0;rv:80000000000000";
    let cx = |list: &str| Context::new().with_remote_span_context(span_context(true, list));
    let (cx, only_ours) = (cx(&format!("sentry=c..;T,{OT}")), cx("sentry=c..;T"));
    for (written, sent) in [
        ("", OT.to_owned()),
        ("mine=1", format!("mine=1,{OT}")),
        ("mine=1,sentry=c..;T", format!("mine=1,{OT}")),
        ("ot=rv:ffffffffffffff", "ot=rv:ffffffffffffff".to_owned()),
    ] {
        let wrapped = sentry().propagator().wrap(Writes::new([("tracestate", written)]));
        assert_eq!(inject(&wrapped, &cx)["tracestate"], sent, "{written:?}");
    }
    let tracestate = |inner, cx| {
        let sent = inject(&sentry().propagator().wrap(inner), cx);
        sent.get("tracestate").cloned()
    };
    // W3C's may write no header for an empty list.
    let w3c = || Writes::new([("Traceparent", "00-1-2-01")]);
    assert_eq!(tracestate(w3c(), &cx).as_deref(), Some(OT));
    assert_eq!(tracestate(w3c(), &only_ours), None);
    let wrapped = sentry().propagator().wrap(B3::new());
    assert_eq!(inject(&wrapped, &cx).get("tracestate"), None);
}

/// The `th` of a head and of a continued trace under the SDK's own samplers. In a plain list a
/// false one cannot be removed.
#[test]
fn a_foreign_sampler_that_drops_makes_th_false() {
    let sentry_trace = format!("{TRACE}-{SPAN}-1");
    let incoming = headers([
        ("sentry-trace", &*sentry_trace),
        ("baggage", "sentry-sample_rate=0.5,sentry-sample_rand=0.250000"),
    ]);
    for (sampler, composition, th) in [
        (Sampler::AlwaysOn, Composition::WrapW3c, true),
        (Sampler::AlwaysOn, Composition::W3cSentry, true),
        (Sampler::AlwaysOff, Composition::WrapW3c, false),
        (Sampler::AlwaysOff, Composition::WrapW3cBaggage, false),
        (Sampler::AlwaysOff, Composition::WrapBaggageW3c, false),
        // The loss in a plain list.
        (Sampler::AlwaysOff, Composition::W3cSentry, true),
    ] {
        let propagator = composition.propagator(&sentry());
        let mut sent = std::collections::HashMap::new();
        let name = format!("{sampler:?}, {}", composition.name());
        call(
            &*propagator,
            sampler,
            &incoming,
            Call { name: "checkout", ..Call::default() },
            &mut sent,
        );
        let ot = sent["tracestate"].split(',').find_map(|member| member.strip_prefix("ot="));
        let ot = ot.expect("the rv stays");
        assert_eq!(ot.contains("th:"), th, "{name}: {ot}");
        assert!(ot.contains("rv:"), "{name}: {ot}");
    }
}

/// In a list the option rewrites it for requests with Sentry's headers. In `wrap` it changes
/// nothing.
#[test]
fn the_option_rewrites_it_in_a_list() {
    let sentry =
        opentelemetry_sentry::Sentry::builder().rewrite_tracestate(true).build().expect("settings");
    let cx = Context::new()
        .with_remote_span_context(span_context(true, "sentry=c..;T,vendor=1,sentry-2=x,ot=x:y"));
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(sentry.propagator()),
    ]);
    let wrapped = sentry.propagator().wrap(TraceContextPropagator::new());
    let (clean, as_it_is) = ("vendor=1,ot=x:y", "sentry=c..;T,vendor=1,sentry-2=x,ot=x:y");
    let suppressed = cx.with_telemetry_suppressed();
    for (propagator, cx, expected) in [
        (&list as &dyn TextMapPropagator, &cx, clean),
        (&list, &suppressed, as_it_is),
        (&wrapped, &cx, clean),
        (&wrapped, &suppressed, clean),
    ] {
        let mut sent = std::collections::HashMap::new();
        propagator.inject_context(cx, &mut sent);
        assert_eq!(sent["tracestate"], expected);
    }
}
