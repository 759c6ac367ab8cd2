//! What goes out for a context: `sentry-trace`, the DSC, `traceparent`, or nothing.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use opentelemetry::Context;

use crate::baggage::OutgoingList;
use crate::config::Settings;
use crate::dsc_key::{is_sentry_key, DscKey};
use crate::head::HeadTemplate;
use crate::marks::{Decision, Origin, Verdict};
use crate::packed_members::members;
use crate::sampling::{SampleRate, Threshold};
use crate::sentry_trace::SentryTrace;
use crate::targets::outgoing_url;
use crate::trace_state::{ot_fields, Member};
use crate::traceparent::traceparent;
use crate::unpacking::{unpack, KnownValues};

/// What a request is told of the trace it belongs to.
pub(crate) struct Outgoing {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
    /// The DSC's members; empty where none is sent.
    pub(crate) dsc: String,
}

impl Outgoing {
    pub(crate) fn sentry_trace(&self) -> Option<String> {
        SentryTrace::new(self.trace_id, self.span_id, self.sampled).map(SentryTrace::to_header)
    }

    pub(crate) fn traceparent(&self) -> String {
        traceparent(self.trace_id, self.span_id, self.sampled == Some(true))
    }
}

/// What goes out, or `None` where nothing may.
pub(crate) fn outgoing(settings: &Settings, cx: &Context) -> Option<Outgoing> {
    if settings.targets.are_nowhere() || cx.is_telemetry_suppressed() {
        return None;
    }
    let span = cx.span();
    let span_context = span.span_context();
    if !span_context.is_valid() {
        return None;
    }
    let member = Member::read(span_context);
    let verdict = member.as_ref().map_or(Verdict::Unknown, |member| member.marks.verdict);
    let allowed = match (outgoing_url(cx), verdict) {
        (Some(url), _) => settings.allows(url),
        (None, Verdict::Denied) => false,
        (None, Verdict::Unknown) => !settings.deny_unknown_urls,
        (None, Verdict::Allowed) => true,
    };
    if !allowed {
        return None;
    }
    let sampled = decision(settings, span_context, member.as_ref());
    Some(Outgoing {
        trace_id: span_context.trace_id(),
        span_id: span_context.span_id(),
        sampled,
        dsc: dsc(settings, span_context, member, sampled),
    })
}

/// The flag that is written; `None` leaves the decision to the next service.
fn decision(
    settings: &Settings,
    span_context: &SpanContext,
    member: Option<&Member<'_>>,
) -> Option<bool> {
    if span_context.is_sampled() {
        return Some(true);
    }
    match member.map_or(Decision::Flag, |member| member.marks.decision) {
        Decision::Flag => Some(false),
        Decision::Undecided => None,
        Decision::Forwarded(sampled) => Some(sampled),
        Decision::Deferred => {
            if !span_context.is_remote() {
                settings.warnings.deferred_ignored.give(
                    "a deferred Sentry trace was not sampled, by a sampler that knows no deferred \
                     decisions; use the sampler of these Sentry settings",
                );
            }
            None
        }
    }
}

fn dsc(
    settings: &Settings,
    span_context: &SpanContext,
    member: Option<Member<'_>>,
    sampled: Option<bool>,
) -> String {
    let trace_id = span_context.trace_id();
    match member {
        Some(member) if member.marks.origin == Origin::Continued => {
            // A sampler that is not ours decided; what it decided belongs into the DSC.
            if member.marks.decision == Decision::Deferred && sampled.is_some() {
                if let Some(mut dsc) = unpack(&member.entries, trace_id) {
                    dsc.make_room_for(DscKey::Sampled);
                    dsc.set(DscKey::Sampled, "true".into());
                    return dsc.to_string();
                }
            }
            members(&member.entries, trace_id).unwrap_or_default()
        }
        Some(member) if member.marks.origin == Origin::Withheld => String::new(),
        member => settings.head.as_ref().map_or(String::new(), |template| {
            head(template, span_context, member.as_ref(), sampled)
        }),
    }
}

/// The DSC of a trace that is ours, or that no Sentry service has seen before.
fn head(
    template: &HeadTemplate,
    span_context: &SpanContext,
    member: Option<&Member<'_>>,
    sampled: Option<bool>,
) -> String {
    /// Of a rate and of a `sample_rand` that are not stored.
    const COMPUTED_BYTES: usize = 32;
    let trace_id = span_context.trace_id();
    let entries = member.map_or("", |member| &*member.entries);
    let facts = KnownValues::of(entries);
    let fields = ot_fields(span_context.trace_state());
    let rate = fields.threshold_of(span_context).and_then(Threshold::rate);
    template.compose(trace_id, entries.len() + COMPUTED_BYTES, |out, key| match (key, sampled) {
        (DscKey::SampleRand, _) => {
            if !facts.push_to(out, key, trace_id) {
                let randomness = fields.randomness_of(trace_id);
                let rand = randomness.sample_rand(sampled, rate.map(SampleRate::get));
                out.push_str(&rand.to_string());
            }
            true
        }
        // An undecided trace has neither rate nor name to speak of.
        (_, None) => false,
        (DscKey::SampleRate, Some(_)) => {
            facts.push_to(out, key, trace_id)
                || rate.map(|rate| out.push_str(&rate.to_string())).is_some()
        }
        (DscKey::Sampled, Some(sampled)) => {
            out.push_str(if sampled { "true" } else { "false" });
            true
        }
        (key, Some(_)) => facts.push_to(out, key, trace_id),
    })
}

/// The `baggage` of a request: OTel's own from the context, without `sentry-*`, then the DSC.
/// `None` where there is neither.
pub(crate) fn baggage(settings: &Settings, cx: &Context, dsc: String) -> Option<String> {
    let own = || cx.baggage().iter().filter(|(key, _)| !is_sentry_key(key.as_str()));
    if own().next().is_none() {
        return Some(dsc).filter(|dsc| !dsc.is_empty());
    }
    let mut list = OutgoingList::before(&dsc);
    for (key, (value, metadata)) in own() {
        list.push(key.as_str(), value.as_str(), metadata);
    }
    settings.warnings.check_overflow(&list);
    list.finish(dsc)
}
