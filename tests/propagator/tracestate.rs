//! Incoming members of `tracestate` with our key.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{Sentry, SentryPropagator};

use crate::common::{
    dsc_value, headers, inject, local, sentry_trace, span_context, tracestate_keys, DSN,
    OTHER_TRACE_ID, SPAN_ID, TRACE_ID,
};

const FORGED: &str = "vendor=1,sentry=c.x;lforged,sentry-2=x,sentryco=2,sentry-17=y,sentry-x=3,\
                      sentry-=4,ot=foo:bar";

fn after_w3c(ours: &SentryPropagator) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(ours.clone()),
    ])
}

/// `sentry` and `sentry-<digits>` are removed. Similar keys belong to others and stay.
#[test]
fn incoming_members_with_our_key_are_removed() {
    let ours = Sentry::builder().dsn(DSN).build().unwrap().propagator();
    let dsc = format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.1,sentry-release=theirs");
    let foreign = ["vendor", "sentryco", "sentry-x", "sentry-", "ot"];
    let valid = sentry_trace("-1");
    for (name, trace, baggage, own_member) in [
        ("traceparent alone", None, None, false),
        ("traceparent and another DSC", None, Some("sentry-release=x"), false),
        ("traceparent and its DSC", None, Some(&*dsc), true),
        ("sentry-trace alone", Some(&*valid), None, true),
        ("both", Some(&*valid), Some(&*dsc), true),
        ("malformed", Some("nonsense"), None, false),
    ] {
        for flags in ["00", "01"] {
            let w3c = format!("00-{TRACE_ID}-{SPAN_ID}-{flags}");
            let pairs = [("traceparent", &*w3c), ("tracestate", FORGED)];
            let trace = trace.map(|value| ("sentry-trace", value));
            let baggage = baggage.map(|value| ("baggage", value));
            let incoming = headers(pairs.into_iter().chain(trace).chain(baggage));
            let cx = after_w3c(&ours).extract(&incoming);

            let mut keys = tracestate_keys(&span_context(&cx));
            if own_member {
                assert_eq!(keys.remove(0), "sentry", "{name}");
            }
            // Ours is first. The others keep their order; only `ot` may be rewritten.
            keys.retain(|key| key != "ot");
            assert_eq!(keys, foreign[..4], "{name}");
            let ot = span_context(&cx).trace_state().get("ot").unwrap_or_default().to_owned();
            assert!(ot.contains("foo:bar"), "{name}: {ot}");
            let sent = inject(&ours, &cx);
            assert!(!sent.get("baggage").is_some_and(|list| list.contains("forged")), "{name}");
        }
    }
}

/// If a propagator after ours adds our member, the member is untrusted input like a header.
#[test]
fn a_later_member_must_match_the_trace() {
    let ours = Sentry::builder().dsn(DSN).release("shop@1.2.3").build().unwrap().propagator();
    let reverse = TextMapCompositePropagator::new(vec![
        Box::new(ours.clone()),
        Box::new(TraceContextPropagator::new()),
    ]);
    // Another of our services' trace state, for this trace or another one.
    let state_of = |trace_id: &str| {
        let trace = sentry_trace("-1").replace(TRACE_ID, trace_id);
        let list = format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.1,sentry-release=old");
        let list = list.replace(TRACE_ID, trace_id);
        let cx = ours.extract(&headers([("sentry-trace", &*trace), ("baggage", &*list)]));
        span_context(&cx).trace_state().header()
    };
    assert!(state_of(TRACE_ID).starts_with("sentry=c..;T;n0.1;lold"), "{}", state_of(TRACE_ID));
    let explicit =
        |state: String| state.replace("sentry=c..;T", &format!("sentry=c..;t{TRACE_ID}"));
    let unknown = |count: u32| (10..10 + count).map(|n| format!(";u{n}:")).collect::<String>();
    let split = |packed: &str| {
        let (first, rest) = packed.split_at(256);
        format!("sentry={first},sentry-2={rest}")
    };
    let rows = [
        ("none", String::new(), Some("shop%401.2.3")),
        ("of the trace", state_of(TRACE_ID), Some("old")),
        ("of the trace, with its id spelled out", explicit(state_of(TRACE_ID)), Some("old")),
        ("garbage", "sentry=c".to_owned(), Some("shop%401.2.3")),
        ("more garbage", "sentry=nonsense".to_owned(), Some("shop%401.2.3")),
        ("a control byte", "sentry=c..;lx\u{1}".to_owned(), None),
        ("an entry without a separator", "sentry=c..lx".to_owned(), None),
        ("a separator without an entry", "sentry=c..;".to_owned(), None),
        ("an empty entry", "sentry=c..;;lx".to_owned(), None),
        ("the trace's own id, and a text", "sentry=c..;Tx;lold".to_owned(), None),
        ("sampled, and a text", "sentry=c..;Sx;lold".to_owned(), None),
        ("not sampled, and a text", "sentry=c..;Fx;lold".to_owned(), None),
        ("production, and a text", "sentry=c..;Ex;lold".to_owned(), None),
        ("an unknown letter", "sentry=c..;!".to_owned(), None),
        ("an unknown key without a value", "sentry=c..;uk".to_owned(), None),
        ("an unknown key that is not a token", "sentry=c..;uk(:v".to_owned(), None),
        ("one key twice", "sentry=c..;la;lb".to_owned(), None),
        ("one key twice, in two forms", "sentry=c..;E;eqa".to_owned(), None),
        ("an unknown key twice", "sentry=c..;uk:a;lold;uk:b".to_owned(), None),
        ("a member of baggage inside", "sentry=c..;lx y".to_owned(), None),
        ("64 entries", split(&format!("c..;lold{}", unknown(63))), Some("old")),
        ("65 entries", split(&format!("c..;lold{}", unknown(64))), None),
        (
            "more after a short one",
            split(&format!("c..;lold{}", unknown(63))) + ",sentry-3=!",
            Some("old"),
        ),
        ("another trace's, undecided", format!("sentry=c?.;t{OTHER_TRACE_ID};n0.100000"), None),
        ("another trace's, without text", format!("sentry=c..;t{OTHER_TRACE_ID};n0.100000"), None),
        ("another trace's", format!("sentry=c..;t{OTHER_TRACE_ID};n0.100000;lold"), None),
    ];
    for (name, state, release) in rows {
        let w3c = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        let incoming = headers([("traceparent", &*w3c), ("tracestate", &*state)]);
        let sent = inject(&ours, &reverse.extract(&incoming));
        assert_eq!(sent["sentry-trace"], sentry_trace("-1"), "{name}");
        assert_eq!(dsc_value(&sent, "release"), release, "{name}: {sent:?}");
        assert_ne!(dsc_value(&sent, "trace_id"), Some(OTHER_TRACE_ID), "{name}");
        if let Some(list) = sent.get("baggage") {
            assert!(http::HeaderValue::from_str(list).is_ok(), "{name}");
        }
    }
    // A local span with the parent's trace state does not send it either.
    let state = format!("sentry=c..;t{OTHER_TRACE_ID};n0.100000");
    let span = local(true, &state);
    let sent = inject(&ours, &Context::new().with_remote_span_context(span));
    assert_eq!(sent["sentry-trace"], sentry_trace("-1"));
    assert!(!sent.contains_key("baggage"), "{sent:?}");
}

/// The status (permission, forwarded flag, head) describes one local span. It has no effect in
/// incoming members.
#[cfg(feature = "sdk")]
#[test]
fn incoming_status_has_no_effect() {
    use crate::common::service::Service;
    use opentelemetry::trace::{SpanContext, TraceFlags};

    const TRACKER: &str = "https://tracker.example/";
    let api = || Sentry::builder().dsn(DSN).trace_propagation_targets(["https://api.example.com"]);
    let head = Service::of(&api().traces_sample_rate(1.0).build().unwrap());
    let relay = Service::of(&api().build().unwrap());
    let incoming = headers([("sentry-trace", &*sentry_trace("-1"))]);
    let denied = head.client_to(&Context::new(), TRACKER);
    let rows = [
        ("denied", denied, true, Some("1")),
        ("denied, continued", head.client_to(&head.receive(&incoming), TRACKER), true, Some("1")),
        ("head", head.server(&Context::new(), "cart"), true, Some("1")),
        ("forwarded", relay.server(&relay.receive(&incoming), "relay"), false, Some("0")),
        ("deferred head", relay.server(&Context::new(), "cart"), false, Some("0")),
    ];
    for (name, cx, sampled, flag) in rows {
        let local = span_context(&cx);
        assert_eq!(local.trace_state().into_iter().next().map(|(key, _)| key), Some("sentry"));
        let outside = SpanContext::new(
            local.trace_id(),
            local.span_id(),
            TraceFlags::default().with_sampled(sampled),
            true,
            local.trace_state().clone(),
        );
        let cx = Context::new().with_remote_span_context(outside);
        let sent = inject(&api().build().unwrap().propagator(), &cx);
        assert_eq!(crate::common::flag(&sent), flag, "{name}");
        assert_eq!(dsc_value(&sent, "transaction"), None, "{name}");
        // Nor below our span that follows the parent's decision.
        let below = head.send(&head.server(&cx, "serve"));
        assert_eq!(dsc_value(&below, "transaction"), None, "{name}: {below:?}");
    }
}
