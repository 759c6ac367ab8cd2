//! A request with both `sentry-trace` and `traceparent`, with our propagator after W3C's.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::{
    dsc_value, headers, inject, remote, sentry_trace, span_context, DSN, OTHER_SPAN_ID,
    OTHER_TRACE_ID, SPAN_ID, TRACE_ID,
};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("shop@1.2.3")
}

fn after_w3c(sentry: &Sentry) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(sentry.propagator()),
    ])
}

/// Which span is continued: that of `sentry-trace` or that of `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Continued {
    Sentry,
    W3c,
}

#[test]
fn one_trace_is_continued() {
    use Continued::{Sentry as S, W3c as W};
    let (same, other) = (TRACE_ID, OTHER_TRACE_ID);
    let rows = [
        ("deferred, sampled", "", same, "01", false, S, Some("1")),
        ("deferred, not sampled", "", same, "00", false, S, None),
        ("sampled, sampled", "-1", same, "01", false, S, Some("1")),
        ("sampled, not sampled", "-1", same, "00", false, S, Some("1")),
        ("not sampled, sampled", "-0", same, "01", false, S, Some("0")),
        ("another trace", "-1", other, "00", false, S, Some("1")),
        ("another trace, deferred", "", other, "01", false, S, None),
        ("traceparent preferred", "-0", same, "01", true, W, Some("1")),
        ("traceparent preferred, deferred", "", same, "00", true, W, Some("0")),
        ("another trace preferred", "-1", other, "00", true, W, Some("0")),
    ];
    let dsc = format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.1,sentry-release=theirs");
    for (name, flag, trace_id, flags, prefer, goes, decision) in rows {
        let sentry = shop().prefer_traceparent(prefer).build().unwrap();
        let w3c = format!("00-{trace_id}-{OTHER_SPAN_ID}-{flags}");
        let incoming = headers([
            ("sentry-trace", &*sentry_trace(flag)),
            ("baggage", &*dsc),
            ("traceparent", &*w3c),
            ("tracestate", "vendor=1,ot=foo:bar"),
        ]);
        let cx = after_w3c(&sentry).extract(&incoming);
        let sent = inject(&sentry.propagator(), &cx);

        let id = match goes {
            Continued::Sentry => format!("{TRACE_ID}-{SPAN_ID}"),
            Continued::W3c => format!("{trace_id}-{OTHER_SPAN_ID}"),
        };
        let expected = decision.map_or(id.clone(), |flag| format!("{id}-{flag}"));
        assert_eq!(sent["sentry-trace"], expected, "{name}");
        assert_eq!(span_context(&cx).is_sampled(), decision == Some("1"), "{name}");

        // W3C's tracestate belongs to W3C's trace.
        let goes_on = trace_id == TRACE_ID || goes == Continued::W3c;
        let tracestate = span_context(&cx).trace_state().header();
        for theirs in ["vendor=1", "foo:bar"] {
            assert_eq!(tracestate.contains(theirs), goes_on, "{name}: {tracestate}");
        }
        // The DSC belongs to the trace that it names. Another trace gets our DSC.
        let theirs = goes == Continued::Sentry || trace_id == TRACE_ID;
        let release = if theirs { "theirs" } else { "shop%401.2.3" };
        assert_eq!(dsc_value(&sent, "release"), Some(release), "{name}");
        let id = if theirs { TRACE_ID } else { trace_id };
        assert_eq!(dsc_value(&sent, "trace_id"), Some(id), "{name}");
    }
}

/// W3C decided a trace that its Sentry head deferred. Sentry adopts that decision.
#[test]
fn a_decision_of_traceparent_reaches_the_dsc() {
    let sentry = shop().build().unwrap();
    let list = "sentry-sample_rand=0.1,sentry-release=theirs";
    let incoming = headers([
        ("sentry-trace", &*sentry_trace("")),
        ("baggage", list),
        ("traceparent", &*format!("00-{TRACE_ID}-{OTHER_SPAN_ID}-01")),
    ]);
    let cx = after_w3c(&sentry).extract(&incoming);
    assert!(cx.span().span_context().is_sampled());
    let sent = inject(&sentry.propagator(), &cx);
    assert_eq!(sent["sentry-trace"], sentry_trace("-1"));
    assert!(sent["baggage"].starts_with(list), "{sent:?}");
}

/// The stock propagator before ours writes the whole tracestate. With the option we rewrite it.
#[test]
fn tracestate_can_be_rewritten_without_our_member() {
    for (rewrite, targets, ours) in [
        (false, None, true),
        (true, None, false),
        // A denied request gets no header from us, not even a rewritten one.
        (true, Some("https://other.example"), true),
        (false, Some("https://other.example"), true),
    ] {
        use opentelemetry_sentry::OutgoingUrlExt;
        let builder = shop().rewrite_tracestate(rewrite);
        let builder = match targets {
            Some(target) => builder.trace_propagation_targets([target]),
            None => builder,
        };
        let sentry = builder.build().unwrap();
        let list = after_w3c(&sentry);
        let incoming = headers([
            ("sentry-trace", &*sentry_trace("-1")),
            ("baggage", "sentry-sample_rand=0.1,sentry-release=theirs"),
            ("traceparent", &*format!("00-{TRACE_ID}-{OTHER_SPAN_ID}-01")),
            ("tracestate", "vendor=1,sentryco=2"),
        ]);
        let cx = list.extract(&incoming).with_outgoing_url("https://api.example/");
        let sent = inject(&list, &cx);
        let tracestate = &sent["tracestate"];
        assert_eq!(tracestate.contains("sentry="), ours, "{tracestate}");
        assert!(tracestate.ends_with("vendor=1,sentryco=2"), "{tracestate}");
        assert_eq!(sent.contains_key("sentry-trace"), targets.is_none());
    }
}

/// Without our member the header is unchanged.
#[test]
fn a_tracestate_without_our_member_is_not_rewritten() {
    let propagator = shop().rewrite_tracestate(true).build().unwrap().propagator();
    for state in ["", "vendor=1"] {
        let cx = Context::new().with_remote_span_context(remote(true, state));
        let sent = inject(&propagator, &cx);
        assert!(sent.contains_key("sentry-trace"), "{sent:?}");
        assert!(!sent.contains_key("tracestate"), "{sent:?}");
    }
}
