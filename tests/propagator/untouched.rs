//! Headers that change nothing, and contexts for which nothing is written.

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags};
use opentelemetry::Context;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryPropagator};

use crate::common::service::Service;
use crate::common::{
    headers, inject, remote, sentry_trace, span_context, Headers, DSN, OTHER_SPAN_ID,
    OTHER_TRACE_ID, SPAN_ID, TRACE_ID,
};

#[derive(Debug, PartialEq)]
struct Marker(u8);

/// The span, the sorted baggage, and another party's value.
fn everything(cx: &Context) -> (bool, SpanContext, Vec<String>, Option<&Marker>, bool) {
    let mut members: Vec<String> =
        cx.baggage().iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    members.sort();
    let suppressed = cx.is_telemetry_suppressed();
    (cx.has_active_span(), span_context(cx), members, cx.get::<Marker>(), suppressed)
}

/// No span, a local one, and a remote one from another propagator.
fn contexts() -> Vec<(&'static str, Context)> {
    let mut baggage = Baggage::new();
    baggage.insert_with_metadata("tenant", "7", "p=1");
    baggage.insert("user", "a b");
    let empty = Context::new().with_baggage(baggage).with_value(Marker(7));
    let sentry = Sentry::builder().build().unwrap();
    let local = Service::new(&sentry, Sampler::AlwaysOn).server(&empty, "local");
    let found = empty.with_remote_span_context(remote(true, "vendor=1,sentryco=2"));
    vec![
        ("suppressed", empty.with_telemetry_suppressed()),
        ("no span", empty),
        ("local span", local),
        ("remote span", found),
    ]
}

fn malformed() -> Vec<String> {
    let (t, s) = (OTHER_TRACE_ID, OTHER_SPAN_ID);
    let zeros = "0".repeat(32);
    let mut rows: Vec<String> = ["", " ", "\t", "1", "-", "--", "nonsense", "é", ",", ",,,"]
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
    rows.extend([
        t.to_owned(),
        format!("{t}-"),
        format!("{t}-1"),
        format!("{t}{s}1"),
        format!("{t}-{s}-"),
        format!("{t}-{s}-x"),
        format!("{t}-{s}-2"),
        format!("{t}-{s}-11"),
        format!("{t}-{s}-1-"),
        format!("{t}-{s}-1 1"),
        format!("{t} -{s}-1"),
        format!("{t}_{s}_1"),
        format!("00-{t}-{s}-01"),
        format!("{}-{s}-1", &t[1..]),
        format!("{t}-{}-1", &s[1..]),
        format!("0{t}-{s}-1"),
        format!("{t}-0{s}-1"),
        format!("+{}-{s}-1", &t[1..]),
        format!("{t}-+{}-1", &s[1..]),
        format!("g{}-{s}-1", &t[1..]),
        format!("{zeros}-{s}-1"),
        format!("{t}-{}-1", &zeros[..16]),
        format!("\u{a0}{t}-{s}-1"),
        format!("{t}-{s}-1\n"),
        // Valid, but after more than 8192 bytes.
        format!("{},{t}-{s}-1", "x".repeat(8192)),
    ]);
    rows
}

/// Without a valid `sentry-trace`, `sentry-*` members don't describe the active span.
#[test]
fn a_malformed_header_changes_nothing() {
    let sentry = Sentry::builder().dsn(DSN).strict_trace_continuation(true).build().unwrap();
    let baggage = format!("a=b,sentry-trace_id={OTHER_TRACE_ID},sentry-org_id=2,sentry-release=x");
    let lists = [None, Some("sentry-release=x"), Some(baggage.as_str()), Some(",=,sentry-")];
    for propagator in [SentryPropagator::new(), sentry.propagator()] {
        for (name, cx) in contexts() {
            for value in malformed() {
                for list in lists {
                    let list = list.map(|list| ("baggage", list));
                    let carrier = headers([("sentry-trace", &*value)].into_iter().chain(list));
                    let after = propagator.extract_with_context(&cx, &carrier);
                    assert_eq!(everything(&after), everything(&cx), "{name}: {value:?}, {list:?}");
                }
            }
            let after = propagator.extract_with_context(&cx, &Headers::new());
            assert_eq!(everything(&after), everything(&cx), "{name}: no header");
        }
    }
}

/// A second extract, by a second middleware or of a message inside a request, finds our own parent.
#[test]
fn extracting_twice() {
    let list = format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.1,sentry-release=theirs");
    let propagator = SentryPropagator::new();
    for flag in ["-1", "-0", ""] {
        let trace = sentry_trace(flag);
        let carrier = headers([("sentry-trace", &*trace), ("baggage", &*list)]);
        let once = propagator.extract_with_context(&contexts()[1].1, &carrier);
        let nothing = headers([("baggage", "a=b")]);
        for (name, again) in [("the same", &carrier), ("nothing", &nothing)] {
            let twice = propagator.extract_with_context(&once, again);
            assert_eq!(everything(&twice), everything(&once), "{flag:?}, then {name}");
        }
    }
}

/// A valid header changes only the span.
#[test]
fn a_valid_header_changes_only_the_span() {
    let carrier = headers([("sentry-trace", &*format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-1"))]);
    for (name, cx) in contexts() {
        let after = SentryPropagator::new().extract_with_context(&cx, &carrier);
        let (active, span_context, baggage, marker, suppressed) = everything(&after);
        assert!(active && span_context.is_remote(), "{name}");
        assert_eq!(span_context.trace_id().to_string(), OTHER_TRACE_ID, "{name}");
        let before = everything(&cx);
        assert_eq!((baggage, marker, suppressed), (before.2, before.3, before.4), "{name}");
    }
}

/// Bad baggage does not affect a good `sentry-trace`.
#[test]
fn bad_baggage_does_not_affect_sentry_trace() {
    let long = "x".repeat(9000);
    for list in ["", ",,,", "=", "sentry-=1", "sentry-a", "\u{1}", "sentry-é=1", &long, ";;;"] {
        let carrier = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", list)]);
        let cx = SentryPropagator::new().extract(&carrier);
        assert_eq!(cx.span().span_context().span_id().to_string(), SPAN_ID, "{list:?}");
        let sent = inject(&SentryPropagator::new(), &cx);
        assert_eq!(sent, headers([("sentry-trace", &*sentry_trace("-1"))]), "{list:?}");
    }
}

/// Not even the context's own baggage.
#[test]
fn denied_contexts_write_nothing() {
    let everywhere = || Sentry::builder().dsn(DSN).propagate_traceparent(true);
    let nowhere = everywhere().trace_propagation_targets([""; 0]);
    let api = everywhere().trace_propagation_targets(["https://api.example.com"]);
    let [empty, local, found] = [1, 2, 3].map(|n| contexts().remove(n).1);
    let invalid = |trace: &str, span: &str| {
        let id = trace.parse::<u128>().unwrap().into();
        let span_id = span.parse::<u64>().unwrap().into();
        empty.with_remote_span_context(SpanContext::new(
            id,
            span_id,
            TraceFlags::SAMPLED,
            true,
            Default::default(),
        ))
    };
    let denied = |cx: &Context| {
        use opentelemetry_sentry::OutgoingUrlExt;
        cx.with_outgoing_url("https://tracker.example/")
    };
    let rows = [
        ("no span", everywhere(), empty.clone()),
        ("no span, rewriting", everywhere().rewrite_tracestate(true), empty.clone()),
        ("invalid span", everywhere(), invalid("0", "0")),
        ("trace id of zeros", everywhere(), invalid("0", "1")),
        ("span id of zeros", everywhere(), invalid("1", "0")),
        ("suppressed, local", everywhere(), local.with_telemetry_suppressed()),
        ("suppressed, remote", everywhere(), found.with_telemetry_suppressed()),
        ("empty targets, local", nowhere.clone(), local.clone()),
        ("empty targets, remote", nowhere, found.clone()),
        ("denied, local", api.clone(), denied(&local)),
        ("denied, remote", api, denied(&found)),
        ("unknown, denied", everywhere().deny_unknown_urls(true), local.clone()),
    ];
    for (name, builder, cx) in rows {
        assert_eq!(cx.baggage().len(), 2, "{name}");
        let sent = inject(&builder.build().unwrap().propagator(), &cx);
        assert!(sent.is_empty(), "{name}: {sent:?}");
    }
    for cx in [local, found] {
        assert_eq!(inject(&everywhere().build().unwrap().propagator(), &cx).len(), 3);
    }
}
