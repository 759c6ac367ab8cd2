//! The rate at which a span's trace was sampled, as far as its trace state says.

use opentelemetry::trace::SpanContext;

use crate::sampling::SampleRate;
use crate::tracestate::trace_state::{ot_fields, Member};
use crate::tracestate::unpacking::unpack;
use crate::wire::dsc_key::DscKey;

/// The rate in `(0,1]`: `sample_rate` of our member, else that of the `th` that holds.
///
/// `None` where neither is known, and for a span that is not sampled: it stands for no other.
pub(crate) fn sample_rate_of(span_context: &SpanContext) -> Option<f64> {
    if !span_context.is_sampled() {
        return None;
    }
    let threshold = ot_fields(span_context.trace_state()).threshold_of(span_context);
    let member = Member::read(span_context);
    let dsc = member.as_ref().and_then(|member| unpack(&member.entries, span_context.trace_id()));
    let get = |key: DscKey| dsc.as_ref()?.get(key.name());
    // A sampled span in a trace that its head dropped: by which rate, the head cannot say. A
    // sampler of ours that overrules the head writes a `th`.
    let is_overruled = threshold.is_none() && get(DscKey::Sampled).as_deref() == Some("false");
    let rate = get(DscKey::SampleRate).filter(|_| !is_overruled);
    let rate = rate.and_then(|rate| SampleRate::parse_incoming(&rate)).filter(|rate| *rate > 0.0);
    rate.or_else(|| Some(threshold?.rate()?.get()))
}
