//! What goes out for a context: `sentry-trace`, the DSC, `traceparent`, or nothing.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;

use crate::sampling::{SampleRate, Threshold};
use crate::settings::sentry::Settings;
use crate::settings::targets::outgoing_url;
use crate::tracestate::packed_members::{members, with_plain_members, EXPANSION_BYTES};
use crate::tracestate::status::{Decision, Origin, Verdict};
use crate::tracestate::trace_state::{ot_fields, Member};
use crate::tracestate::unpacking::unpack;
use crate::wire::baggage::OutgoingList;
use crate::wire::dsc::KnownMembers;
use crate::wire::dsc_key::{is_sentry_key, DscKey, KeySet};
use crate::wire::head::HeadTemplate;
use crate::wire::sentry_trace::{id_digits, SentryTrace};
use crate::wire::traceparent::traceparent;

/// What a request is told of the trace it belongs to.
pub(crate) struct Outgoing {
    pub(crate) sentry_trace: String,
    pub(crate) traceparent: Option<String>,
    /// The DSC's members; empty where none is sent.
    pub(crate) dsc: String,
}

/// What goes out, or `None` where nothing may.
pub(crate) fn outgoing(settings: &Settings, cx: &Context) -> Option<Outgoing> {
    if settings.targets.are_nowhere() || cx.is_telemetry_suppressed() {
        return None;
    }
    let span = cx.span();
    let span_context = span.span_context();
    let trace = SentryTrace::new(span_context.trace_id(), span_context.span_id(), None)?;
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
    let sentry_trace = trace.with_sampled(sampled).to_header();
    let dsc = dsc(settings, span_context, id_digits(&sentry_trace), member, sampled);
    let traceparent = settings
        .propagate_traceparent
        .then(|| traceparent(trace.trace_id(), trace.span_id(), sampled == Some(true)));
    Some(Outgoing { sentry_trace, traceparent, dsc })
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
        Decision::Flag | Decision::Traceparent => Some(false),
        Decision::Undecided => None,
        Decision::Forwarded(sampled) => Some(sampled),
        Decision::Deferred => {
            if !span_context.is_remote() {
                settings.warnings.deferred_ignored.give();
            }
            None
        }
    }
}

fn dsc(
    settings: &Settings,
    span_context: &SpanContext,
    own_id: &str,
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
            members(&member.entries, trace_id, own_id).unwrap_or_default()
        }
        Some(member) if member.marks.origin == Origin::Withheld => String::new(),
        member => settings.head.as_ref().map_or(String::new(), |template| {
            head(template, span_context, own_id, member.as_ref(), sampled)
        }),
    }
}

/// The DSC of a trace that is ours, or that no Sentry service has seen before.
fn head(
    template: &HeadTemplate,
    span_context: &SpanContext,
    own_id: &str,
    member: Option<&Member<'_>>,
    sampled: Option<bool>,
) -> String {
    /// What our sampler stores of a trace that it decided, with a name and without.
    const FACTS: KeySet = KeySet::of(DscKey::SampleRate).and(DscKey::SampleRand);
    const NAMED_FACTS: KeySet = FACTS.and(DscKey::Transaction);
    let entries = member.map_or("", |member| &*member.entries);
    let start = || template.start(own_id, EXPANSION_BYTES + entries.len());
    let push_middle = |list: &mut String| {
        if let Some(sampled) = sampled {
            DscKey::Sampled.push_member(list);
            list.push_str(if sampled { "true" } else { "false" });
        }
        template.push_release_and_environment(list);
    };
    if sampled.is_some() {
        let facts = with_plain_members(start, entries, own_id, |key, list| {
            if key == DscKey::Transaction {
                push_middle(list);
            }
        });
        if let Some((mut list, keys @ (FACTS | NAMED_FACTS))) = facts {
            if keys == FACTS {
                push_middle(&mut list);
            }
            template.push_org_id(&mut list);
            return list;
        }
    }
    let trace_id = span_context.trace_id();
    let facts = unpack(entries, trace_id).unwrap_or_default();
    let fields = ot_fields(span_context.trace_state());
    let rate = fields.threshold_of(span_context).and_then(Threshold::rate);
    let push = |list: &mut String, key: DscKey, computed: Option<String>| {
        if let Some(value) = facts.known(key).or(computed.as_deref()) {
            key.push_member(list);
            list.push_str(value);
        }
    };
    let randomness = fields.randomness_of(trace_id);
    let rand = randomness.sample_rand(sampled, rate.map(SampleRate::get));
    let mut list = start();
    // An undecided trace has neither rate nor name to speak of.
    if sampled.is_some() {
        push(&mut list, DscKey::SampleRate, rate.map(|rate| rate.to_string()));
    }
    push(&mut list, DscKey::SampleRand, Some(rand.to_string()));
    push_middle(&mut list);
    if sampled.is_some() {
        push(&mut list, DscKey::Transaction, None);
    }
    template.push_org_id(&mut list);
    list
}

/// The `baggage` of a request: OTel's own from the context, without `sentry-*`, then the DSC.
/// `None` where there is neither.
pub(crate) fn baggage(settings: &Settings, cx: &Context, dsc: String) -> Option<String> {
    let own = cx.baggage();
    if own.is_empty() {
        return Some(dsc).filter(|dsc| !dsc.is_empty());
    }
    let mut list = OutgoingList::before(dsc);
    for (key, (value, metadata)) in own.iter().filter(|(key, _)| !is_sentry_key(key.as_str())) {
        list.push(key.as_str(), value.as_str(), metadata);
    }
    settings.warnings.check_overflow(&list);
    list.finish()
}
