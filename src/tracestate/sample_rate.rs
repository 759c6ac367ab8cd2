//! The rate at which a span's trace was sampled, as far as its trace state says.

use opentelemetry::trace::SpanContext;

use crate::tracestate::list::ot_fields;
use crate::tracestate::member::Member;
use crate::tracestate::member_text::MemberText;

/// The rate in `(0,1]`: `sample_rate` of our member, else that of the `th` that holds.
///
/// `None` where neither is known, and for a span that is not sampled: it stands for no other.
pub(crate) fn sample_rate_of(span_context: &SpanContext) -> Option<f64> {
    if !span_context.is_sampled() {
        return None;
    }
    let threshold = ot_fields(span_context.trace_state()).threshold_of(span_context);
    let member = Member::read(span_context);
    let dsc = member
        .and_then(|member| MemberText::from_entries(&member.entries, span_context.trace_id()).ok());
    // A sampled span in a trace that its head dropped: the head's rate does not say at which rate. A
    // sampler of ours that overrules the head writes a `th`.
    let is_overruled =
        threshold.is_none() && dsc.as_ref().and_then(MemberText::sampled) == Some(false);
    let rate = dsc.as_ref().and_then(MemberText::sample_rate);
    let rate = rate.filter(|rate| !is_overruled && *rate > 0.0);
    rate.or_else(|| Some(threshold?.rate()?.get()))
}
