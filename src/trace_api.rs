//! Custom instrumentation: what Sentry's SDKs call `continueTrace`, `getTraceData` and
//! `startNewTrace`, in terms of OTel's `Context`.

mod deferred;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::Context;

use crate::carrier::trace_data::TraceData;
use crate::propagator::context::without_span;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::TRACEPARENT_HEADER;

/// A context in which the next span continues the trace of incoming headers. If they hold no valid
/// trace, or a refused one, that span starts a trace.
///
/// The active span does not matter: a message has nothing to do with the span in which a worker
/// waits for messages. The current context's baggage and suppression of telemetry stay.
///
/// Headers are any carrier: a `HashMap` of strings, `HeaderExtractor` for HTTP, [`TraceData`] or
/// [`MessageExtractor`](crate::MessageExtractor) for other channels.
///
/// ```
/// use opentelemetry::global;
/// use opentelemetry::trace::Tracer;
/// use opentelemetry_sentry::{continue_trace, TraceData};
///
/// let sentry_trace = "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1";
/// let headers = TraceData::from([("sentry-trace", sentry_trace)]);
/// let cx = global::get_text_map_propagator(|propagator| continue_trace(propagator, &headers));
/// let span = global::tracer("worker").start_with_context("process message", &cx);
/// ```
///
/// Guide: [Continue a trace](crate::_documentation::custom_instrumentation#continue-a-trace).
#[must_use = "the trace is continued by spans that start with this context"]
pub fn continue_trace(propagator: &dyn TextMapPropagator, headers: &dyn Extractor) -> Context {
    propagator.extract_with_context(&start_new_trace(&Context::current()), headers)
}

/// The headers with which another program can continue the context's trace, for any channel. Empty
/// if there is no valid span, telemetry is suppressed, or the target is denied.
///
/// `sentry-trace`, `baggage` and `traceparent` come first. The channel's URL is known only if the
/// context has one: see [`with_outgoing_url`](crate::OutgoingUrlExt::with_outgoing_url).
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry_sentry::{trace_data, SentryPropagator};
///
/// let data = trace_data(&SentryPropagator::new(), &Context::current());
/// assert!(data.is_empty(), "there is no span");
/// ```
///
/// Guide: [Hand a trace on](crate::_documentation::custom_instrumentation#hand-a-trace-on).
pub fn trace_data(propagator: &dyn TextMapPropagator, cx: &Context) -> TraceData {
    let mut data = TraceData::default();
    propagator.inject_context(cx, &mut data);
    data.put_first(&[SENTRY_TRACE_HEADER, BAGGAGE_HEADER, TRACEPARENT_HEADER]);
    data
}

/// A context with the baggage and the suppression of `cx`, and nothing else: the next span in it
/// starts a trace, under any sampler.
///
/// ```
/// use opentelemetry::trace::TraceContextExt;
/// use opentelemetry::Context;
/// use opentelemetry_sentry::start_new_trace;
///
/// let cx = start_new_trace(&Context::current());
/// assert!(!cx.has_active_span());
/// ```
///
/// Guide: [Start a trace](crate::_documentation::custom_instrumentation#start-a-trace).
#[must_use = "the trace is started by the first span that starts with this context"]
pub fn start_new_trace(cx: &Context) -> Context {
    // Sentry's part of the baggage goes, too: it belongs to the old trace.
    without_span(cx)
}
