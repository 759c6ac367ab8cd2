//! What the black-box tests of the core share: ids, string maps, one service, and its warnings.
#![allow(dead_code)] // Each test takes what it needs.

pub(crate) mod service;
pub(crate) mod warnings;

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;

pub(crate) const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42";
pub(crate) const PUBLIC_KEY: &str = "49d0f7386ad645858ae85020e393bef3";

/// Its low 56 bits are 21.4 % of 2^56: sampled from a rate of 0.785812 on.
pub(crate) const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
pub(crate) const SAMPLE_RAND: &str = "0.785811";
pub(crate) const SPAN_ID: &str = "7dd6b3a1fb4d9c2a";
pub(crate) const OTHER_TRACE_ID: &str = "12312012123120121231201212312012";
pub(crate) const OTHER_SPAN_ID: &str = "1121201211212012";

pub(crate) type Headers = HashMap<String, String>;

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A `sentry-trace` of the usual ids; the flag is `-1`, `-0` or nothing.
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

/// `1`, `0`, or nothing where it is deferred.
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
