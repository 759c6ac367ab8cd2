//! The W3C `traceparent` header, written only: reading it is the W3C propagator's work.

use opentelemetry::trace::{SpanId, TraceId};

use crate::text::ascii::{push_hex, push_hex128};

/// Name of W3C's `traceparent` header.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Name of W3C's `tracestate` header.
pub(crate) const TRACESTATE_HEADER: &str = "tracestate";

/// `version "-" trace-id "-" parent-id "-" trace-flags`, version 00
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#traceparent-header)).
pub(crate) fn traceparent(trace_id: TraceId, span_id: SpanId, sampled: bool) -> String {
    let mut header = String::with_capacity(55);
    header.push_str("00-");
    push_hex128(u128::from_be_bytes(trace_id.to_bytes()), &mut header);
    header.push('-');
    push_hex(u64::from_be_bytes(span_id.to_bytes()), &mut header);
    header.push_str(if sampled { "-01" } else { "-00" });
    header
}
