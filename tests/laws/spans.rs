//! A span that our sampler starts below the incoming trace, and what is sent from it.
#![cfg(feature = "sdk")]

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};
use opentelemetry_sentry::Sentry;

use super::ids::TRACE_ID;
use super::reader::{self, entries, sample_rand, sample_rate, sentry_trace};
use super::request::{send, Service};
use super::{sound, tracestate};

/// A SERVER span and a CLIENT span below it.
pub(crate) fn check_below(sentry: &Sentry, service: Service, cx: &Context) {
    let server = start(sentry, cx, SpanKind::Server);
    let client = start(sentry, &server, SpanKind::Client);
    for started in [&server, &client] {
        let span = started.span();
        let span_context = span.span_context();
        let header = span_context.trace_state().header();
        let parent = cx.span();
        // An unchanged list belongs to other parties.
        if header != parent.span_context().trace_state().header() && !header.is_empty() {
            sound::assert_tracestate(&header);
            tracestate::assert_probability(span_context);
        }
    }
    if service.rewrite_tracestate {
        return;
    }
    let sent = send(&sentry.propagator(), &client);
    let Some(trace) = sent.get("sentry-trace").map(|value| sentry_trace(value).expect("a trace"))
    else {
        assert!(service.nowhere && sent.is_empty(), "{sent:?}");
        return;
    };
    let span = client.span();
    let span_context = span.span_context();
    assert_eq!(trace.trace_id, span_context.trace_id().to_string());
    assert_eq!(trace.span_id, span_context.span_id().to_string());
    if span_context.is_sampled() {
        assert_eq!(trace.sampled, Some(true));
    }
    if service.rate.is_some() {
        assert_eq!(trace.sampled, Some(span_context.is_sampled()));
    }
    let dsc = entries(&[sent.get("baggage").map_or("", String::as_str)]);
    let is_head = !cx.has_active_span();
    let flag = trace.sampled.map(|sampled| sampled.to_string());
    if is_head {
        assert_eq!(reader::value(&dsc, "sampled"), flag.as_deref().filter(|_| service.dsn));
    }
    // The numbers of a head may contradict each other. Ours may not.
    if let (true, Some(rand), Some(rate), Some(sampled)) =
        (is_head, sample_rand(&dsc), sample_rate(&dsc), trace.sampled)
    {
        assert_eq!(rand < rate, sampled, "{dsc:?}");
    }
}

/// The span that a tracer makes from the sampler's answer.
fn start(sentry: &Sentry, cx: &Context, kind: SpanKind) -> Context {
    let parent = cx.span();
    let parent = parent.span_context();
    let trace_id = match parent.is_valid() {
        true => parent.trace_id(),
        false => TraceId::from_hex(TRACE_ID).expect("an id"),
    };
    let sampler = sentry.sampler();
    let result = sampler.should_sample(Some(cx), trace_id, "checkout", &kind, &[], &[]);
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let span_id = SpanId::from(if kind == SpanKind::Server { 1 } else { 2 });
    let flags = TraceFlags::default().with_sampled(sampled);
    let started = SpanContext::new(trace_id, span_id, flags, false, result.trace_state);
    // The same context, with a span that is not remote.
    cx.with_remote_span_context(started)
}
