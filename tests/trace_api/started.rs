//! `start_new_trace` and `start_deferred_trace`.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, ShouldSample};
use opentelemetry_sentry::{
    start_new_trace, trace_data, OutgoingUrlExt, Sentry, SentryBuilder, SentryTrace,
};

use crate::common::service::{Boxed, Service};
use crate::common::{remote, span_context, tracestate_keys, DSN, PUBLIC_KEY, TRACE_ID};

fn sentry() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sample_rate(1.0)
}

/// Sampled and unsampled, local and remote, with baggage that is partly Sentry's.
fn contexts() -> Vec<Context> {
    let built = sentry().build().unwrap();
    let mut contexts = vec![Context::new()];
    contexts
        .extend([true, false].map(|on| Context::new().with_remote_span_context(remote(on, ""))));
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        let service = Service::new(&built, sampler);
        contexts.push(service.start(&Context::new(), SpanKind::Internal, "outer", &[]));
    }
    let baggage = [("tenant", "7"), ("sentry-trace_id", TRACE_ID), ("sentry-sampled", "false")];
    let baggage = baggage.map(|(key, value)| KeyValue::new(key, value));
    contexts.into_iter().map(|cx| cx.with_baggage(baggage.clone())).collect()
}

#[test]
fn a_new_trace_keeps_only_baggage_and_suppression() {
    for cx in contexts() {
        for suppressed in [false, true] {
            let cx = cx.with_outgoing_url("https://elsewhere.example");
            let cx = if suppressed { cx.with_telemetry_suppressed() } else { cx };
            let fresh = start_new_trace(&cx);
            assert!(!fresh.has_active_span());
            assert_eq!(fresh.is_telemetry_suppressed(), suppressed);
            let keys: Vec<&str> = fresh.baggage().iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, ["tenant"]);
        }
    }
}

#[cfg(feature = "sdk")]
fn own_sampler(sentry: &Sentry) -> Option<Box<dyn ShouldSample>> {
    Some(Box::new(sentry.sampler()))
}

#[cfg(not(feature = "sdk"))]
fn own_sampler(_: &Sentry) -> Option<Box<dyn ShouldSample>> {
    None
}

/// A head under every sampler: no parent, and the sampler decides.
#[test]
fn the_next_span_is_a_head() {
    let built = sentry().trace_propagation_targets(["https://api.example"]).build().unwrap();
    let mut samplers: Vec<Box<dyn ShouldSample>> = vec![
        Box::new(Sampler::AlwaysOn),
        Box::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOn))),
        Box::new(Sampler::TraceIdRatioBased(1.0)),
    ];
    samplers.extend(own_sampler(&built));
    for sampler in samplers {
        let service = Service::new(&built, Boxed(sampler));
        for cx in contexts() {
            // The denied target of the outer request does not affect the new trace.
            let cx = cx.with_outgoing_url("https://elsewhere.example");
            let head = service.server(&start_new_trace(&cx), "head");
            assert!(span_context(&head).is_sampled());
            let sent = trace_data(&service.sentry.propagator(), &head);
            assert!(sent.get("baggage").unwrap().contains("sentry-public_key"));
            let data = service.end(&head).expect("a recorded span");
            assert_eq!(data.parent_span_id.to_string(), "0000000000000000");
        }
    }
}

fn members(list: &str) -> Vec<(&str, &str)> {
    list.split(',').filter_map(|member| member.strip_prefix("sentry-")?.split_once('=')).collect()
}

#[test]
fn a_deferred_trace_has_no_decision() {
    let built = sentry().release("mail@1.0").environment("staging").build().unwrap();
    let mut seen = Vec::new();
    for cx in contexts() {
        let cx = built.start_deferred_trace(&cx);
        let data = trace_data(&built.propagator(), &cx);
        let trace: SentryTrace = data.get("sentry-trace").unwrap().parse().unwrap();
        assert_eq!(trace.sampled(), None);
        let trace_id = trace.trace_id().to_string();
        let baggage = data.get("baggage").unwrap();
        assert!(baggage.starts_with("tenant=7,"), "{baggage}");
        let members = members(baggage);
        let keys: Vec<&str> = members.iter().map(|(key, _)| *key).collect();
        let known = ["trace_id", "public_key", "sample_rand", "release", "environment", "org_id"];
        assert_eq!(keys, known);
        assert_eq!((members[0].1, members[1].1), (trace_id.as_str(), PUBLIC_KEY));
        assert_eq!((members[3].1, members[4].1, members[5].1), ("mail%401.0", "staging", "1"));
        assert!(members[2].1.len() == 8 && members[2].1.starts_with("0."), "{}", members[2].1);

        // As if it had arrived: the next service reads the same trace.
        assert!(span_context(&cx).is_remote());
        assert_eq!(trace_data(&built.propagator(), &cx), data);
        let next = built.propagator();
        let continued = opentelemetry_sentry::continue_trace(&next, &data);
        assert_eq!(span_context(&continued).trace_id().to_string(), trace_id);
        seen.extend([trace_id, trace.span_id().to_string()]);
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "ids are new");
}

/// The ids are the caller's, and the trace's randomness comes from them.
#[test]
fn a_deferred_trace_with_ids() {
    let built = sentry().build().unwrap();
    let span_id = SpanId::from_bytes([7; 8]);
    let rows = [([0xff; 16], "0.000000"), ([0x80; 16], "0.498039"), ([1; 16], "0.996078")]
        .map(|(bytes, rand)| (TraceId::from_bytes(bytes), rand));
    for (trace_id, sample_rand) in rows {
        for cx in contexts() {
            let cx = built.start_deferred_trace_with(&cx, trace_id, span_id);
            let data = trace_data(&built.propagator(), &cx);
            assert_eq!(data.get("sentry-trace"), Some(&*format!("{trace_id}-{span_id}")));
            let baggage = data.get("baggage").unwrap();
            assert!(baggage.starts_with("tenant=7,"), "{baggage}");
            let members = members(baggage);
            assert_eq!(members[0], ("trace_id", &*trace_id.to_string()));
            assert_eq!(members[2], ("sample_rand", sample_rand));
        }
    }
    // Zeros are invalid ids.
    let trace_id = TraceId::from_bytes([7; 16]);
    for (trace_id, span_id) in [(TraceId::INVALID, span_id), (trace_id, SpanId::INVALID)] {
        for cx in contexts() {
            let cx = built.start_deferred_trace_with(&cx, trace_id, span_id);
            assert!(!cx.has_active_span());
            assert_eq!(cx.baggage().len(), 1);
        }
    }
}

/// Under any settings, our own trace is continued.
#[test]
fn a_deferred_trace_under_every_setting() {
    let rows: [(&str, SentryBuilder, bool); 6] = [
        ("none", Sentry::builder(), false),
        ("strict", sentry().strict_trace_continuation(true), true),
        ("strict, another option", sentry().org_id("9").strict_trace_continuation(true), true),
        ("no DSN", Sentry::builder().org_id("9").strict_trace_continuation(true), false),
        ("no organization", Sentry::builder().dsn("http://key@localhost/1"), true),
        ("traceparent first", sentry().prefer_traceparent(true), true),
    ];
    for (name, builder, has_dsc) in rows {
        let built = builder.build().unwrap();
        let data = trace_data(&built.propagator(), &built.start_deferred_trace(&Context::new()));
        assert!(data.get("sentry-trace").is_some(), "{name}");
        assert_eq!(data.get("baggage").is_some(), has_dsc, "{name}");
    }
    let nowhere = sentry().trace_propagation_targets([""; 0]).build().unwrap();
    let cx = nowhere.start_deferred_trace(&Context::new());
    assert!(trace_data(&nowhere.propagator(), &cx).is_empty());
    assert_eq!(tracestate_keys(&span_context(&cx)).len(), 1);
    let tracestate = span_context(&cx).trace_state().header();
    assert!(!tracestate.contains(PUBLIC_KEY), "{tracestate}");
}

/// Documented: the SDK's default sampler treats an undecided trace as unsampled.
#[test]
fn a_tracer_below_a_deferred_trace() {
    let built = sentry().build().unwrap();
    let service = Service::new(&built, Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    let cx = service.server(&built.start_deferred_trace(&Context::new()), "dropped");
    assert!(!span_context(&cx).is_sampled());
    #[cfg(feature = "sdk")]
    {
        let service = Service::of(&built);
        let cx = service.server(&built.start_deferred_trace(&Context::new()), "decided");
        assert!(span_context(&cx).is_sampled());
    }
}
