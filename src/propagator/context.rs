//! Contexts without their remote parent, and without Sentry's baggage.

use std::borrow::Cow;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, SpanRef, TraceContextExt};
use opentelemetry::{Context, Key};

use crate::wire::dsc_key::is_sentry_key;

/// The context without `sentry-*` in its baggage, which a stock propagator would send to every
/// host.
#[inline]
pub(crate) fn without_sentry_baggage(cx: &Context) -> Cow<'_, Context> {
    let baggage = cx.baggage();
    let is_sentry = |(key, _): (&Key, _)| is_sentry_key(key.as_str());
    // Common case: empty baggage, and that test costs less than an iterator.
    if baggage.is_empty() || !baggage.iter().any(is_sentry) {
        return Cow::Borrowed(cx);
    }
    Cow::Owned(cx.with_baggage(own_members(baggage)))
}

fn own_members(baggage: &Baggage) -> Baggage {
    let own = baggage.iter().filter(|(key, _)| !is_sentry_key(key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The span context, if it is a remote parent of the next span.
pub(crate) fn remote_parent<'a>(span: &'a SpanRef<'_>) -> Option<&'a SpanContext> {
    Some(span.span_context()).filter(|context| context.is_remote() && context.is_valid())
}

/// Removes a remote parent, so that the next span starts a trace, and `sentry-*` from the baggage.
/// A local parent stays.
pub(crate) fn without_remote_parent(cx: &Context) -> Context {
    if remote_parent(&cx.span()).is_some() {
        return without_span(cx);
    }
    without_sentry_baggage(cx).into_owned()
}

/// A new context with the baggage, without `sentry-*`, and the suppression of this one. No span can
/// be removed from a [`Context`], so the values of other crates are lost.
pub(crate) fn without_span(cx: &Context) -> Context {
    let bare = Context::new().with_baggage(own_members(cx.baggage()));
    if cx.is_telemetry_suppressed() {
        bare.with_telemetry_suppressed()
    } else {
        bare
    }
}
