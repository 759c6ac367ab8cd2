//! A span that our sampler starts below the incoming trace, and its outgoing headers.
#![cfg(feature = "sdk")]

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};
use opentelemetry_sentry::Sentry;

use super::ids::{DSN, TRACE_ID};
use super::probability::{self, assert_started};
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
    // A head's numbers may contradict each other. Ours must not.
    if let (true, Some(rand), Some(rate), Some(sampled)) =
        (is_head, sample_rand(&dsc), sample_rate(&dsc), trace.sampled)
    {
        assert_eq!(rand < rate, sampled, "{dsc:?}");
    }
}

/// `th` and `rv` below the extracted context: our sampler's decision and what it writes about it.
pub(crate) fn check_probability(sentry: &Sentry, service: Service, cx: &Context) {
    let parent = cx.span();
    let parent = parent.span_context();
    let sent = send_lax(sentry, cx);
    let Some(trace) = sent.and_then(|value| sentry_trace(&value)) else {
        return;
    };
    let server = start(sentry, cx, SpanKind::Server);
    let client = start(sentry, &server, SpanKind::Client);
    let (server, client) = (server.span(), client.span());
    let (server, client) = (server.span_context(), client.span_context());
    let sampled = server.is_sampled();
    assert_eq!(client.is_sampled(), sampled);
    let local = service.rate.filter(|_| trace.sampled.is_none());
    match (service.rate, trace.sampled) {
        (None, _) => assert!(!sampled),
        (Some(_), Some(decided)) => assert_eq!(sampled, decided),
        (Some(rate), None) => assert!(rate > 0.0 && rate < 1.0 || sampled == (rate == 1.0)),
    }
    let ot = |span: &SpanContext| probability::ot(&span.trace_state().header());
    let (before, of_server, of_client) = (ot(parent), ot(server), ot(client));
    if before.as_ref().is_some_and(|ot| ot.len() > 200) {
        return;
    }
    let of_server = of_server.as_deref();
    assert_started(before.as_deref(), of_server, &trace.trace_id, sampled, local);
    assert_started(of_server, of_client.as_deref(), &trace.trace_id, sampled, None);
}

/// The `sentry-trace` of a context.
fn send_lax(sentry: &Sentry, cx: &Context) -> Option<String> {
    let mut sent = super::request::Headers::new();
    sentry.propagator().inject_context(cx, &mut sent);
    sent.remove("sentry-trace")
}

/// A head's numbers, for any trace and rate, and for a randomness next to the threshold.
pub(crate) fn check_head(trace_id: &str, rate: f64) {
    let trace_id = trace_id.to_ascii_lowercase();
    check_one_head(&trace_id, rate);
    let at = probability::threshold(rate);
    let micros = probability::boundary(rate);
    let by_rand = |micros: u128| (1_u128 << 56) - 1 - ((micros << 56) / 1_000_000).min(!0 >> 72);
    for near in [at, by_rand(micros), by_rand(micros.saturating_sub(1))] {
        for randomness in [near.saturating_sub(1), near, near + 1] {
            let randomness = randomness.min((1 << 56) - 1);
            check_one_head(&format!("771a43a4192642f0b1{randomness:014x}"), rate);
        }
    }
}

fn check_one_head(trace_id: &str, rate: f64) {
    let Ok(id) = TraceId::from_hex(trace_id) else {
        return;
    };
    if id == TraceId::INVALID {
        return;
    }
    let sentry = Sentry::builder().dsn(DSN).traces_sample_rate(rate).build().expect("settings");
    let started = start_in(&sentry, &Context::new(), SpanKind::Server, id);
    let span = started.span();
    let span_context = span.span_context();
    let sent = send(&sentry.propagator(), &started);
    let dsc = entries(&[sent.get("baggage").map_or("", String::as_str)]);
    assert!(!dsc.is_empty());
    let ot = probability::ot(&span_context.trace_state().header());
    probability::assert_head(trace_id, rate, span_context.is_sampled(), ot.as_deref(), &dsc);
}

/// What a tracer makes of the sampler's result.
fn start(sentry: &Sentry, cx: &Context, kind: SpanKind) -> Context {
    start_in(sentry, cx, kind, TraceId::from_hex(TRACE_ID).expect("an id"))
}

/// The same, with this id for a new trace.
fn start_in(sentry: &Sentry, cx: &Context, kind: SpanKind, new: TraceId) -> Context {
    let parent = cx.span();
    let parent = parent.span_context();
    let trace_id = match parent.is_valid() {
        true => parent.trace_id(),
        false => new,
    };
    let sampler = sentry.sampler();
    let result = sampler.should_sample(Some(cx), trace_id, "checkout", &kind, &[], &[]);
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let span_id = SpanId::from(if kind == SpanKind::Server { 1 } else { 2 });
    let flags = TraceFlags::default().with_sampled(sampled);
    let started = SpanContext::new(trace_id, span_id, flags, false, result.trace_state);
    // The same context with a local span.
    cx.with_remote_span_context(started)
}
