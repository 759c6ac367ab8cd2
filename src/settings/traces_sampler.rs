//! The user's own sampling function, and what it is told about a span.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry::KeyValue;

/// What a `traces_sampler` knows about the span that it decides: the first of a trace in this
/// service.
///
/// Guide: [Recipes for `traces_sampler`](crate::_documentation::sampling#recipes-for-traces_sampler).
#[derive(Clone, Copy, Debug)]
pub struct SamplingContext<'a> {
    pub(crate) name: &'a str,
    pub(crate) span_kind: &'a SpanKind,
    pub(crate) attributes: &'a [KeyValue],
    pub(crate) trace_id: TraceId,
    pub(crate) caller: CallerDecision,
    pub(crate) parent_sample_rate: Option<f64>,
}

/// What the caller decided, and in which header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerDecision {
    /// The trace starts here.
    NoCaller,
    /// The caller left the decision open.
    Deferred,
    /// `sentry-trace` decided, or `traceparent` and a DSC that agrees.
    Sentry { sampled: bool },
    /// Only `traceparent` decided.
    Traceparent { sampled: bool },
}

impl CallerDecision {
    pub(crate) fn sampled(self) -> Option<bool> {
        match self {
            CallerDecision::NoCaller | CallerDecision::Deferred => None,
            CallerDecision::Sentry { sampled } | CallerDecision::Traceparent { sampled } => {
                Some(sampled)
            }
        }
    }
}

impl<'a> SamplingContext<'a> {
    /// The span's name, as given at its start.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The span's kind.
    pub fn span_kind(&self) -> &'a SpanKind {
        self.span_kind
    }

    /// The attributes given at the span's start.
    pub fn attributes(&self) -> &'a [KeyValue] {
        self.attributes
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Whether the trace came from a caller; `false` if it starts here.
    ///
    /// To apply a rate only to traces that start here, and follow the caller otherwise:
    ///
    /// ```
    /// # use opentelemetry_sentry::Sentry;
    /// Sentry::builder().traces_sampler(|ctx| {
    ///     if ctx.has_parent() { ctx.inherit_or_sample_with(0.0) } else { 0.2 }
    /// });
    /// ```
    pub fn has_parent(&self) -> bool {
        self.caller != CallerDecision::NoCaller
    }

    /// Whether the caller left the decision open: its `sentry-trace` has no flag.
    ///
    /// ```
    /// # use opentelemetry_sentry::Sentry;
    /// // A web page without tracing sends such traces. Keep more of them than of those that start here.
    /// Sentry::builder().traces_sampler(|ctx| {
    ///     ctx.inherit_or_sample_with(if ctx.is_parent_deferred() { 0.5 } else { 0.1 })
    /// });
    /// ```
    pub fn is_parent_deferred(&self) -> bool {
        self.caller == CallerDecision::Deferred
    }

    /// The decision that came with the trace, in `sentry-trace` or in `traceparent`; `None` if it
    /// is deferred, or the trace starts here.
    pub fn parent_sampled(&self) -> Option<bool> {
        self.caller.sampled()
    }

    /// The decision, if only the flag of `traceparent` made it; `None` if a Sentry header agrees,
    /// the decision is deferred, or the trace starts here.
    ///
    /// Guide: [Load balancers](crate::_documentation::recipes#load-balancers-that-send-traceparent--00).
    pub fn parent_sampled_by_traceparent(&self) -> Option<bool> {
        match self.caller {
            CallerDecision::Traceparent { sampled } => Some(sampled),
            CallerDecision::NoCaller | CallerDecision::Deferred | CallerDecision::Sentry { .. } => {
                None
            }
        }
    }

    /// The rate that came with the trace in `baggage`, in `[0,1]`.
    pub fn parent_sample_rate(&self) -> Option<f64> {
        self.parent_sample_rate
    }

    /// The parent's rate; else 1 or 0 by the parent's decision; else `fallback`.
    ///
    /// A rate that the parent's decision contradicts counts as missing: 0 for a sampled parent, or
    /// 1 for an unsampled one.
    pub fn inherit_or_sample_with(&self, fallback: f64) -> f64 {
        match (self.parent_sample_rate, self.caller.sampled()) {
            (Some(rate), Some(true)) if rate > 0.0 => rate,
            (Some(rate), Some(false)) if rate < 1.0 => rate,
            (_, Some(sampled)) => f64::from(u8::from(sampled)),
            (Some(rate), None) => rate,
            (None, None) => fallback,
        }
    }
}

/// The user's sampling function.
#[derive(Clone)]
pub(crate) struct TracesSampler(pub(crate) Arc<Callback>);

type Callback = dyn Fn(&SamplingContext<'_>) -> f64 + Send + Sync;

impl fmt::Debug for TracesSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TracesSampler(..)")
    }
}
