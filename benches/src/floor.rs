//! The lower bound for continuing a trace: forwards the headers unchanged in a `Context` value
//! instead of a `TraceState`. It validates little, doesn't sample, and loses the DSC if only a span
//! context is passed on. It is only for measuring.

use std::sync::Arc;

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;

const HEX: &[u8; 16] = b"0123456789abcdef";

#[derive(Debug)]
pub(crate) struct Floor;

/// Sentry's members, unchanged.
struct Dsc(Arc<str>);

impl TextMapPropagator for Floor {
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let parent = extractor.get("sentry-trace").and_then(|header| parent(header.as_bytes()));
        let Some(parent) = parent else {
            return cx.clone();
        };
        let mut dsc = String::new();
        for line in extractor.get_all("baggage").into_iter().flatten() {
            dsc.reserve(line.len());
            let mut rest = line;
            while !rest.is_empty() {
                let end = memchr::memchr(b',', rest.as_bytes());
                let (member, after) =
                    end.map_or((rest, ""), |end| (&rest[..end], &rest[end + 1..]));
                if member.starts_with("sentry-") {
                    if !dsc.is_empty() {
                        dsc.push(',');
                    }
                    dsc.push_str(member);
                }
                rest = after;
            }
        }
        cx.with_remote_span_context(parent).with_value(Dsc(dsc.into()))
    }

    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span_context = span.span_context();
        let mut sentry_trace = String::with_capacity(51);
        push_hex(&mut sentry_trace, &span_context.trace_id().to_bytes());
        sentry_trace.push('-');
        push_hex(&mut sentry_trace, &span_context.span_id().to_bytes());
        sentry_trace.push_str(if span_context.is_sampled() { "-1" } else { "-0" });
        injector.set("sentry-trace", sentry_trace);
        if let Some(Dsc(dsc)) = cx.get() {
            injector.set("baggage", String::from(&**dsc));
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}

fn parent(header: &[u8]) -> Option<SpanContext> {
    let (trace_id, rest) = header.split_at_checked(32)?;
    let (span_id, flag) = rest.strip_prefix(b"-")?.split_at_checked(16)?;
    let flags = if flag == b"-1" { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(
        TraceId::from_bytes(bytes(trace_id)?),
        SpanId::from_bytes(bytes(span_id)?),
        flags,
        true,
        TraceState::NONE,
    ))
}

fn bytes<const N: usize>(hex: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)].into());
        out.push(HEX[usize::from(byte & 15)].into());
    }
}
