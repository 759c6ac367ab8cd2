//! The user's own sampling function, and what it is told about a span.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry::KeyValue;

/// What a `traces_sampler` knows about the span it decides over: the first of a trace in this
/// service.
#[derive(Clone, Copy, Debug)]
pub struct SamplingContext<'a> {
    pub(crate) name: &'a str,
    pub(crate) span_kind: &'a SpanKind,
    pub(crate) attributes: &'a [KeyValue],
    pub(crate) trace_id: TraceId,
    pub(crate) parent_sampled: Option<bool>,
    pub(crate) parent_sample_rate: Option<f64>,
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

    /// The decision that came with the trace; `None` where it is deferred, or we are the head.
    pub fn parent_sampled(&self) -> Option<bool> {
        self.parent_sampled
    }

    /// The rate that came with the trace in `baggage`, in `[0,1]`.
    pub fn parent_sample_rate(&self) -> Option<f64> {
        self.parent_sample_rate
    }

    /// The parent's rate; else 1 or 0 by the parent's decision; else `fallback`.
    pub fn inherit_or_sample_with(&self, fallback: f64) -> f64 {
        match (self.parent_sample_rate, self.parent_sampled) {
            (Some(rate), _) => rate,
            (None, Some(sampled)) => f64::from(u8::from(sampled)),
            (None, None) => fallback,
        }
    }
}

type Callback = dyn Fn(&SamplingContext<'_>) -> f64 + Send + Sync;

/// A user's sampling function.
#[derive(Clone)]
pub(crate) struct TracesSampler(Arc<Callback>);

impl TracesSampler {
    pub(crate) fn new(
        callback: impl Fn(&SamplingContext<'_>) -> f64 + Send + Sync + 'static,
    ) -> Self {
        TracesSampler(Arc::new(callback))
    }

    pub(crate) fn call(&self, context: &SamplingContext<'_>) -> f64 {
        (self.0)(context)
    }
}

impl fmt::Debug for TracesSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TracesSampler(..)")
    }
}
