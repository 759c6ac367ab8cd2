//! The rate at which a span's trace was sampled, as far as its trace state says.

use opentelemetry::trace::SpanContext;

use crate::tracestate::list::ot_fields;
use crate::tracestate::member::Member;
use crate::tracestate::member_text::MemberText;

/// The rate in `(0,1]`: `sample_rate` of our member, else that of a `th` that holds.
///
/// `None` if neither is known, or the span is not sampled: then it does not represent any others.
pub(crate) fn sample_rate_of(span_context: &SpanContext) -> Option<f64> {
    if !span_context.is_sampled() {
        return None;
    }
    let threshold = ot_fields(span_context.trace_state()).threshold_of(span_context);
    let member = Member::read(span_context);
    let dsc = member
        .and_then(|member| MemberText::from_entries(&member.entries, span_context.trace_id()).ok());
    // The span is sampled, although the head dropped the trace: so the head's rate is not this
    // span's. Our sampler writes a `th` if it overrules the head.
    let is_overruled =
        threshold.is_none() && dsc.as_ref().and_then(MemberText::sampled) == Some(false);
    let rate = dsc.as_ref().and_then(MemberText::sample_rate);
    let rate = rate.filter(|rate| !is_overruled && *rate > 0.0);
    rate.or_else(|| Some(threshold?.rate()?.get()))
}
