//! Composes a context's headers: `sentry-trace`, the DSC, `traceparent`, or none at all.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceId};
use opentelemetry::Context;

use crate::sampling::randomness::Threshold;
use crate::sampling::rate::SampleRate;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::destination::outgoing_url;
use crate::settings::sentry::Settings;
use crate::settings::warning::Warning;
use crate::tracestate::entries::{facts, to_baggage, Facts, Malformed};
use crate::tracestate::list::ot_fields;
use crate::tracestate::member::Member;
use crate::tracestate::member_text::MemberText;
use crate::tracestate::status::{Decision, Origin, Permission, Status, STATUS_BYTES};
use crate::wire::dsc_key::{is_sentry_key, DscKey, SentryMembers};
use crate::wire::head::{HeadFacts, HeadTemplate};
use crate::wire::outgoing_baggage::OutgoingBaggage;
use crate::wire::sentry_trace::{push_flag, trace_id_digits, SentryTrace};
use crate::wire::traceparent::traceparent;

/// The headers of an outgoing request.
pub(crate) struct Outgoing {
    pub(crate) sentry_trace: String,
    /// The decision that `sentry_trace` states.
    pub(crate) sampled: Option<bool>,
    pub(crate) traceparent: Option<String>,
    /// The DSC's members; empty if none is sent.
    pub(crate) dsc: SentryMembers,
}

impl Outgoing {
    /// The outgoing headers, or `None` if the request must not carry them.
    #[inline]
    pub(crate) fn compose(settings: &Settings, cx: &Context) -> Option<Self> {
        let span = cx.span();
        let span_context = span.span_context();
        let trace = SentryTrace::new(span_context.trace_id(), span_context.span_id(), None)?;
        let member = Member::read(span_context);
        if !is_allowed(settings, cx, member.as_ref()) {
            return None;
        }
        // The DSC reuses these digits as its trace id. The flag is appended last: it may depend on
        // the DSC.
        let mut sentry_trace = trace.to_header();
        let own_trace_id = trace_id_digits(&sentry_trace);
        let (sampled, dsc) = flag_and_dsc(settings, span_context, own_trace_id, member);
        push_flag(&mut sentry_trace, sampled);
        let traceparent = settings
            .propagate_traceparent
            .then(|| traceparent(trace.trace_id(), trace.span_id(), sampled == Some(true)));
        Some(Outgoing { sentry_trace, sampled, traceparent, dsc })
    }
}

/// Whether a request of this context may have Sentry's headers.
fn is_allowed(settings: &Settings, cx: &Context, member: Option<&Member<'_>>) -> bool {
    if settings.targets.match_none() || cx.is_telemetry_suppressed() {
        return false;
    }
    let permission = member.map_or(Permission::Unknown, |member| member.status.permission);
    match (outgoing_url(cx), permission) {
        (Some(url), _) => settings.allows(url),
        (None, Permission::Denied) => false,
        (None, Permission::Unknown) => !settings.deny_unknown_urls,
        (None, Permission::Allowed) => true,
    }
}

/// The decision and the DSC. The member may have come from outside, so it may be malformed.
fn flag_and_dsc(
    settings: &Settings,
    span_context: &SpanContext,
    own_trace_id: &str,
    member: Option<Member<'_>>,
) -> (Option<bool>, SentryMembers) {
    let trace_id = span_context.trace_id();
    let (status, entries) = match &member {
        Some(member) => (member.status, &*member.entries),
        None => (Status::UNMARKED, ""),
    };
    let flag = |status: Status| outgoing_flag(settings, span_context, status.decision);
    if status.origin == Origin::Continued {
        return match to_baggage(entries, trace_id, own_trace_id) {
            // The trace arrived undecided and another crate's sampler sampled it: add that to the
            // DSC.
            Ok(_) if status.decision == Decision::Deferred && span_context.is_sampled() => {
                (Some(true), with_sampled(entries, trace_id, own_trace_id).unwrap_or_default())
            }
            Ok(list) => (flag(status), list),
            Err(_) => (flag(Status::MALFORMED), SentryMembers::default()),
        };
    }
    let Ok(facts) = facts(entries, trace_id) else {
        return (flag(Status::MALFORMED), SentryMembers::default());
    };
    let sampled = flag(status);
    match &settings.head {
        Some(template) if status.origin == Origin::Head => {
            (sampled, head(template, span_context, own_trace_id, &facts, sampled))
        }
        _ => (sampled, SentryMembers::default()),
    }
}

/// A DSC's entries as members, with `sentry-sampled=true`.
fn with_sampled(
    entries: &str,
    trace_id: TraceId,
    own_trace_id: &str,
) -> Result<SentryMembers, Malformed> {
    let mut text = MemberText::from_entries(entries, trace_id)?;
    text.set(DscKey::Sampled, "true");
    let text = text.finish(Status::UNMARKED, usize::MAX);
    to_baggage(text.get(STATUS_BYTES..).unwrap_or_default(), trace_id, own_trace_id)
}

/// The flag of the outgoing `sentry-trace`; `None` leaves the decision to the next service.
fn outgoing_flag(
    settings: &Settings,
    span_context: &SpanContext,
    decision: Decision,
) -> Option<bool> {
    if span_context.is_sampled() {
        return Some(true);
    }
    match decision {
        Decision::Flag | Decision::Traceparent => Some(false),
        Decision::Undecided => None,
        Decision::Forwarded(sampled) => Some(sampled),
        Decision::Deferred => {
            if !span_context.is_remote() {
                settings.warnings.log_once(Warning::DeferredIgnored);
            }
            None
        }
    }
}

/// The DSC of a trace that starts here, or that no Sentry service has seen before. Its rate and
/// `sample_rand` are those our sampler left in the member, else those of OTel's `ot` fields.
fn head(
    template: &HeadTemplate,
    span_context: &SpanContext,
    own_trace_id: &str,
    facts: &Facts<'_>,
    sampled: Option<bool>,
) -> SentryMembers {
    let mut computed = (None, None);
    if facts.sample_rand.is_none() || facts.sample_rate.is_none() {
        let fields = ot_fields(span_context.trace_state());
        let rate = fields.threshold_of(span_context).and_then(Threshold::rate);
        let trace = TraceSampling::new(sampled, rate.map(SampleRate::get));
        let rand = fields.randomness_of(span_context.trace_id()).sample_rand(trace);
        computed = (rate.map(|rate| rate.to_string()), Some(rand.to_string()));
    }
    let (rate, rand) = &computed;
    template.compose(
        own_trace_id,
        &HeadFacts {
            sampled,
            sample_rate: facts.sample_rate.or(rate.as_deref()),
            sample_rand: facts.sample_rand.or(rand.as_deref()).unwrap_or_default(),
            transaction: facts.transaction,
        },
    )
}

/// The `baggage` of a request: the context's own without `sentry-*`, then the DSC. `None` if the
/// context has no baggage and there is no DSC.
#[inline]
pub(crate) fn with_own_baggage(
    settings: &Settings,
    cx: &Context,
    dsc: SentryMembers,
) -> Option<String> {
    let own = cx.baggage();
    if own.is_empty() {
        return (dsc.count > 0).then_some(dsc.list);
    }
    let mut list = OutgoingBaggage::before(dsc);
    for (key, (value, metadata)) in own.iter().filter(|(key, _)| !is_sentry_key(key.as_str())) {
        list.push(key.as_str(), value.as_str(), metadata);
    }
    settings.warnings.check_overflow(&list);
    // A stock propagator before this one may have written the context's `sentry-*` members. An
    // empty list overwrites them.
    Some(list.finish().unwrap_or_default())
}
