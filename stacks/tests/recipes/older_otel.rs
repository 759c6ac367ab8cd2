use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_0_32 as old; // opentelemetry_0_32 = { package = "opentelemetry", version = "0.32" }
use opentelemetry_0_32::trace::TraceContextExt as _;

pub fn parent_for_old(cx: &Context) -> old::Context {
    let span = cx.span();
    let new = span.span_context();
    old::Context::new().with_remote_span_context(old::trace::SpanContext::new(
        old::TraceId::from_bytes(new.trace_id().to_bytes()),
        old::SpanId::from_bytes(new.span_id().to_bytes()),
        old::TraceFlags::new(new.trace_flags().to_u8()),
        true,
        old::trace::TraceState::default(),
    ))
}
