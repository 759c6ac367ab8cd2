//! The W3C `traceparent` header, written only: reading it is the W3C propagator's work.

use opentelemetry::trace::{SpanId, TraceId};

use crate::text::hex::to_hex;

/// Name of W3C's `traceparent` header.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Name of W3C's `tracestate` header.
pub(crate) const TRACESTATE_HEADER: &str = "tracestate";

/// `version "-" trace-id "-" parent-id "-" trace-flags`, version 00
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#traceparent-header)).
const TEMPLATE: [u8; 55] = *b"00-................................-................-00";

/// The `traceparent` of a span.
pub(crate) fn traceparent(trace_id: TraceId, span_id: SpanId, sampled: bool) -> String {
    let mut header = TEMPLATE;
    header[3..35].copy_from_slice(&to_hex::<16, 32>(trace_id.to_bytes()));
    header[36..52].copy_from_slice(&to_hex::<8, 16>(span_id.to_bytes()));
    header[54] = b'0' + u8::from(sampled);
    std::str::from_utf8(&header).unwrap_or_default().to_owned()
}

/// A header that another propagator wrote, with this sampled flag; its other flags are kept.
pub(crate) fn with_sampled_flag(mut header: String, sampled: bool) -> String {
    let flags = TEMPLATE.len() - 2..TEMPLATE.len();
    let parsed = header.get(flags.clone()).and_then(|flags| u8::from_str_radix(flags, 16).ok());
    // Common case: the flag is the same.
    if let Some(parsed) = parsed.filter(|flags| (flags & 1 != 0) != sampled) {
        header.replace_range(flags, &format!("{:02x}", (parsed & !1) | u8::from(sampled)));
    }
    header
}
