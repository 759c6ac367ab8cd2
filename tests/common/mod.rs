//! Shared by the suites: ids, headers, table rows, a service and its warnings.
#![allow(dead_code)] // Each suite uses only part of it.

#[cfg(feature = "sdk")]
pub(crate) mod hop;
pub(crate) mod ids;
pub(crate) mod rows;
pub(crate) mod service;
pub(crate) mod warnings;

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;

pub(crate) use ids::*;

pub(crate) type Headers = HashMap<String, String>;

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A `sentry-trace` of the usual ids; the flag is `-1`, `-0` or empty.
pub(crate) fn sentry_trace(flag: &str) -> String {
    format!("{TRACE_ID}-{SPAN_ID}{flag}")
}

pub(crate) fn inject(propagator: &dyn TextMapPropagator, cx: &Context) -> Headers {
    let mut sent = Headers::new();
    propagator.inject_context(cx, &mut sent);
    sent
}

/// The `sentry-*` members of `baggage`, without that prefix, in order.
pub(crate) fn dsc(headers: &Headers) -> Vec<(&str, &str)> {
    let list = headers.get("baggage").map_or("", String::as_str);
    let members = list.split(',').filter_map(|member| member.strip_prefix("sentry-"));
    members.map(|member| member.split_once('=').expect(member)).collect()
}

pub(crate) fn dsc_value<'a>(headers: &'a Headers, key: &str) -> Option<&'a str> {
    dsc(headers).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// `1` or `0`; `None` if the decision is deferred.
#[track_caller]
pub(crate) fn flag(headers: &Headers) -> Option<&str> {
    let value = headers.get("sentry-trace").expect("a sentry-trace");
    match value.split('-').collect::<Vec<_>>()[..] {
        [_, _] => None,
        [_, _, flag] => Some(flag),
        _ => panic!("{value}"),
    }
}

pub(crate) fn remote(sampled: bool, trace_state: &str) -> SpanContext {
    usual_span(sampled, true, trace_state)
}

pub(crate) fn local(sampled: bool, trace_state: &str) -> SpanContext {
    usual_span(sampled, false, trace_state)
}

fn usual_span(sampled: bool, is_remote: bool, trace_state: &str) -> SpanContext {
    SpanContext::new(
        TraceId::from_hex(TRACE_ID).unwrap(),
        SpanId::from_hex(SPAN_ID).unwrap(),
        TraceFlags::default().with_sampled(sampled),
        is_remote,
        trace_state.parse::<TraceState>().unwrap(),
    )
}

pub(crate) fn span_context(cx: &Context) -> SpanContext {
    cx.span().span_context().clone()
}

/// The keys of the trace state's members, in order.
pub(crate) fn tracestate_keys(span_context: &SpanContext) -> Vec<String> {
    span_context.trace_state().into_iter().map(|(key, _)| key.to_owned()).collect()
}
