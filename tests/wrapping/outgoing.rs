//! Every inner propagator's headers are always sent once each. Sentry's headers are only ours.

use std::collections::BTreeSet;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry};

use super::inner::{inject, sentry, span_context, Headers, Writes, ALLOWED, B3, DENIED};
use crate::lists::{baggage, list, w3c, Propagator};

/// Every kind of inner propagator.
fn inners() -> Vec<(&'static str, Propagator)> {
    let rival = || -> Propagator { Box::new(Writes::rival()) };
    let b3 = || -> Propagator { Box::new(B3::new()) };
    vec![
        ("W3C", w3c()),
        ("Baggage", baggage()),
        ("[W3C, Baggage]", Box::new(list([w3c(), baggage()]))),
        ("[Baggage, W3C]", Box::new(list([baggage(), w3c()]))),
        ("B3", b3()),
        ("a rival", rival()),
        ("all", Box::new(list([rival(), b3(), w3c(), baggage()]))),
        ("all, the rival last", Box::new(list([w3c(), baggage(), b3(), rival()]))),
        ("Sentry's own", Box::new(sentry().propagator())),
        ("itself", Box::new(sentry().propagator().wrap(list([w3c(), baggage()])))),
        ("none", Box::new(list([]))),
    ]
}

fn settings() -> [(&'static str, Sentry); 3] {
    let builder = || {
        Sentry::builder()
            .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
            .trace_propagation_targets([ALLOWED])
    };
    [
        ("plain", builder().build()),
        ("traceparent", builder().propagate_traceparent(true).build()),
        ("tracestate", builder().rewrite_tracestate(true).build()),
    ]
    .map(|(name, sentry)| (name, sentry.expect("settings")))
}

/// Contexts for which we write headers, and contexts for which we do not.
fn contexts() -> Vec<(&'static str, bool, Context)> {
    let mut own = Baggage::new();
    let _ = own.insert_with_metadata("cart", "3 items", "p=1");
    let _ = own.insert("sentry-release", "stray");
    let cx = Context::new().with_baggage(own);
    let sampled = cx.with_remote_span_context(span_context(true, "vendor=1,ot=x:y"));
    let not_sampled = cx.with_remote_span_context(span_context(false, ""));
    vec![
        ("allowed", true, sampled.with_outgoing_url(ALLOWED)),
        ("unknown", true, not_sampled.clone()),
        ("denied", false, sampled.with_outgoing_url(DENIED)),
        ("suppressed", false, not_sampled.with_telemetry_suppressed()),
        ("no span", false, cx.clone()),
        ("no valid span", false, cx.with_remote_span_context(SpanContext::NONE)),
        ("nothing", false, Context::new()),
    ]
}

/// The headers in a carrier after a propagator that may set a header twice, by lower-case name.
fn left_by(propagator: &dyn TextMapPropagator, cx: &Context) -> Headers {
    let mut headers = Headers::new();
    propagator.inject_context(cx, &mut headers);
    headers
}

#[test]
fn each_header_is_sent_once_and_whole() {
    for (setting, sentry) in settings() {
        for ((inner_name, inner), (_, alone)) in inners().into_iter().zip(inners()) {
            let wrapped = sentry.propagator().wrap(list([inner]));
            for (context, writes, cx) in contexts() {
                let name = format!("{setting}, {inner_name}, {context}");
                let sent = inject(&wrapped, &cx);
                let of_inner = left_by(&*alone, &cx);

                assert_eq!(sent.contains_key("sentry-trace"), writes, "{name}: {sent:?}");
                for (header, value) in &of_inner {
                    match header.as_str() {
                        "sentry-trace" | "baggage" => {}
                        "tracestate" => {
                            let ours = |member: &&str| !member.starts_with("sentry=");
                            let rest: Vec<&str> = value.split(',').filter(ours).collect();
                            assert_eq!(sent[header], rest.join(","), "{name}");
                        }
                        _ => assert_eq!(sent.get(header), Some(value), "{name}: {header}"),
                    }
                }
                let allowed: BTreeSet<String> =
                    wrapped.fields().map(str::to_ascii_lowercase).collect();
                assert!(sent.keys().all(|header| allowed.contains(header)), "{name}: {sent:?}");

                let list = sent.get("baggage").map_or("", String::as_str);
                let members: Vec<&str> = list.split(',').filter(|m| !m.is_empty()).collect();
                let has = |key: &str| members.iter().filter(|m| m.starts_with(key)).count();
                let inner_has = |key: &str| {
                    usize::from(of_inner.get("baggage").is_some_and(|l| l.contains(key)))
                };
                let in_context = usize::from(context != "nothing");
                let cart = if writes { in_context } else { inner_has("cart=") };
                assert_eq!(has("cart=3%20items;p=1"), cart, "{name}: {list}");
                assert_eq!(has("rival=1"), inner_has("rival=1"), "{name}: {list}");
                assert_eq!(has("sentry-trace_id="), usize::from(writes), "{name}: {list}");
                assert!(!list.contains("stray") && !list.contains("=rival"), "{name}: {list}");
                let dsc = has("sentry-");
                assert_eq!(members.len(), has("cart=") + has("rival=") + dsc, "{name}: {list}");
                assert_eq!(dsc > 0, writes, "{name}: {list}");
            }
        }
    }
}

#[test]
fn fields_are_the_union() {
    const OURS: [&str; 2] = ["sentry-trace", "baggage"];
    for (inner, more) in [
        ("W3C", &["traceparent", "tracestate"][..]),
        ("Baggage", &[]),
        ("[W3C, Baggage]", &["traceparent", "tracestate"]),
        ("B3", &["X-B3-TraceId", "X-B3-SpanId", "X-B3-Sampled"]),
        ("a rival", &["X-Rival"]),
        ("none", &[]),
    ] {
        for (setting, option) in [
            ("plain", None),
            ("traceparent", Some("traceparent")),
            ("tracestate", Some("tracestate")),
        ] {
            let (_, propagator) =
                inners().into_iter().find(|(name, _)| *name == inner).expect(inner);
            let (_, sentry) =
                settings().into_iter().find(|(name, _)| *name == setting).expect(setting);
            let wrapped = sentry.propagator().wrap(list([propagator]));
            let fields: Vec<&str> = wrapped.fields().collect();
            let union: BTreeSet<&str> =
                OURS.into_iter().chain(more.iter().copied()).chain(option).collect();
            assert_eq!(
                fields.iter().copied().collect::<BTreeSet<_>>(),
                union,
                "{inner}, {setting}"
            );
            assert_eq!(fields.len(), union.len(), "{inner}, {setting}: {fields:?}");
        }
    }
}

/// With the option, we write `traceparent`. It agrees with `sentry-trace`.
#[test]
fn two_writers_of_traceparent_agree() {
    let [_, (_, sentry), _] = settings();
    let stale = [("TraceParent", "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01")];
    for (sampled, flags) in [(true, "01"), (false, "00")] {
        let wrapped = sentry.propagator().wrap(Writes::new(stale));
        let cx = Context::new().with_remote_span_context(span_context(sampled, ""));
        let ids = "12312012123120121231201212312012-1121201211212012";
        let sent = inject(&wrapped, &cx);
        assert_eq!(sent["traceparent"], format!("00-{ids}-{flags}"));
        let denied = inject(&wrapped, &cx.with_outgoing_url(DENIED));
        assert_eq!(denied["traceparent"], stale[0].1);
    }
}

#[test]
fn an_empty_target_list_leaves_the_inner_propagators_headers() {
    let sentry = Sentry::builder().trace_propagation_targets([""; 0]).build().expect("settings");
    for ((name, inner), (_, alone)) in inners().into_iter().zip(inners()) {
        let wrapped = sentry.propagator().wrap(list([inner]));
        for (context, _, cx) in contexts() {
            let sent: BTreeSet<String> = inject(&wrapped, &cx).into_keys().collect();
            let mut of_inner = left_by(&*alone, &cx);
            of_inner.remove("sentry-trace");
            let foreign = |member: &str| !member.starts_with("sentry-");
            if !of_inner.get("baggage").is_some_and(|list| list.split(',').any(foreign)) {
                of_inner.remove("baggage");
            }
            let expected: BTreeSet<String> = of_inner.into_keys().collect();
            assert_eq!(sent, expected, "{name}, {context}");
        }
    }
}
