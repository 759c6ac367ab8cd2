//! Ids for a trace that no tracer starts.

use opentelemetry::trace::{SpanId, TraceId};

/// Random ids from the operating system, or `None` where it gives none.
pub(crate) fn fresh_ids() -> Option<(TraceId, SpanId)> {
    let mut trace_id = [0; 16];
    let mut span_id = [0; 8];
    getrandom::fill(&mut trace_id).ok()?;
    getrandom::fill(&mut span_id).ok()?;
    Some((TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id)))
}
