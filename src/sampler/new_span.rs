//! A span about to start: whether its request may have headers, and what its parent decides.

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult};

use crate::sampler::decider::{Choice, Decided, Decider};
use crate::sampler::span_attributes::{transaction, url};
use crate::sampling::randomness::{Randomness, Threshold};
use crate::sampling::rate::SampleRate;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::callback::{self, Running};
use crate::settings::destination::{outgoing_url, Destination};
use crate::settings::sentry::Settings;
use crate::settings::traces_sampler::CallerDecision;
use crate::tracestate::list::{ot_fields, replace};
use crate::tracestate::member::{self, Member};
use crate::tracestate::member_text::MemberText;
use crate::tracestate::ot::OtFields;
use crate::tracestate::status::{Decision, Origin, Permission, Status};
use crate::wire::dsc_key::DscKey;

/// The span attribute that holds the rate, if this service applied one.
const SAMPLE_RATE_ATTRIBUTE: &str = "sentry.sample_rate";

/// What is known of a span about to start.
pub(super) struct NewSpan<'a> {
    pub(super) settings: &'a Settings,
    pub(super) decider: Decider<'a>,
    pub(super) parent_context: Option<&'a Context>,
    pub(super) trace_id: TraceId,
    pub(super) name: &'a str,
    pub(super) span_kind: &'a SpanKind,
    pub(super) attributes: &'a [KeyValue],
    pub(super) links: &'a [Link],
}

impl NewSpan<'_> {
    #[inline]
    pub(super) fn sample(&self) -> SamplingResult {
        let permission = self.permission();
        let parent_span = self.parent_context.map(|cx| cx.span());
        let parent = parent_span.as_ref().map(|span| span.span_context()).filter(|p| p.is_valid());
        match parent {
            Some(parent) if parent.is_remote() => self.below_remote(parent, permission),
            // Common case: the child's trace state is its parent's.
            Some(parent) if inherits(parent, permission) => {
                unchanged(parent.is_sampled(), parent.trace_state().clone())
            }
            Some(parent) => self.below_local(parent, permission),
            None => self.head(permission),
        }
    }

    /// May the span's request have headers? The answer is left on the span for the propagator, which
    /// sees no attributes. `None`: nothing is recorded and nothing decided, because the request goes
    /// to Sentry itself, or telemetry is suppressed.
    #[inline]
    fn permission(&self) -> Option<Permission> {
        let is_suppressed = self.parent_context.is_some_and(Context::is_telemetry_suppressed);
        if is_suppressed || callback::running() != Running::Nothing {
            return None;
        }
        match self.span_kind {
            SpanKind::Client | SpanKind::Producer if self.settings.restricts_urls() => {
                self.request_permission()
            }
            _ => Some(Permission::Unknown),
        }
    }

    #[inline]
    fn request_permission(&self) -> Option<Permission> {
        let denies_unknown = self.settings.deny_unknown_urls;
        let known = self.parent_context.and_then(outgoing_url).map(Cow::Borrowed);
        let Some(url) = known.or_else(|| url(self.attributes)) else {
            // A stock W3C propagator would send the DSC in the trace state.
            return Some(if denies_unknown { Permission::Denied } else { Permission::Unknown });
        };
        match self.settings.destination(&url) {
            Destination::Sentry if *self.span_kind == SpanKind::Client => None,
            Destination::Sentry | Destination::Elsewhere => Some(Permission::Denied),
            Destination::Target if denies_unknown => Some(Permission::Allowed),
            Destination::Target => Some(Permission::Unknown),
        }
    }

    fn head(&self, permission: Option<Permission>) -> SamplingResult {
        let choice = match permission {
            Some(_) => self.choose(CallerDecision::NoCaller, None),
            None => Choice::None,
        };
        let permission = permission.unwrap_or(Permission::Denied);
        let decided = match choice {
            Choice::None | Choice::Callers => {
                let decision = Decision::Undecided;
                let status = Status { origin: Origin::Head, decision, permission };
                let facts = MemberText::new(self.trace_id, 0);
                return unchanged(false, state(&TraceState::NONE, status, facts, None));
            }
            Choice::Rate(rate) => self.decided_by_rate(rate, None, &TraceState::NONE),
            Choice::Inner(result) => self.decided_by_inner(result, None, &TraceState::NONE),
        };
        let mut facts = MemberText::new(self.trace_id, 64);
        if let Some(rate) = decided.rate {
            set_facts(&mut facts, decided.randomness, decided.sampled, rate);
        }
        let sends_dsc = self.settings.head.is_some() && !self.settings.targets.match_none();
        if sends_dsc && permission != Permission::Denied {
            if let Some(transaction) = transaction(self.name, self.attributes) {
                facts.set(DscKey::Transaction, &transaction);
            }
        }
        let status = Status { origin: Origin::Head, decision: Decision::Flag, permission };
        result(decided, status, facts)
    }

    /// Below a local parent whose trace state must change.
    fn below_local(&self, parent: &SpanContext, permission: Option<Permission>) -> SamplingResult {
        let sampled = parent.is_sampled() && permission.is_some();
        let mut status = member::status(parent.trace_state()).unwrap_or(Status::UNMARKED);
        if sampled != parent.is_sampled() {
            status.decision = Decision::Forwarded(true);
        }
        status.permission = permission.unwrap_or(Permission::Denied);
        let member = Member::read(parent);
        let (_, dsc) = self.member_text(member.as_ref());
        let fields = ot_fields(parent.trace_state());
        let ot = fields.with(fields.threshold_of(parent).filter(|_| sampled), None);
        unchanged(sampled, state(parent.trace_state(), status, dsc, ot))
    }

    /// Whether a remote parent decides, and has just the trace state that its child needs: then its
    /// DSC is not parsed. It may name another trace; inject checks that.
    fn is_settled(
        &self,
        parent: &SpanContext,
        fields: OtFields<'_>,
        permission: Permission,
    ) -> bool {
        let settings = self.settings;
        let parent_decides = match self.decider {
            Decider::Inner(_) => true,
            Decider::Settings => {
                settings.traces_sample_rate.is_some() && settings.traces_sampler.is_none()
            }
        };
        let stays =
            parent_decides && !settings.targets.match_none() && permission != Permission::Denied;
        let is_same = match member::status(parent.trace_state()) {
            // On a remote parent, a head's status is another party's claim.
            Some(old) if old.origin == Origin::Head => false,
            Some(old) => old.decision == Decision::Flag && old.permission == permission,
            // Without a member, `traceparent` decided.
            None => permission == Permission::Unknown,
        };
        stays && is_same && fields.has_threshold() == fields.threshold_of(parent).is_some()
    }

    fn below_remote(&self, parent: &SpanContext, asked: Option<Permission>) -> SamplingResult {
        let permission = asked.unwrap_or(Permission::Denied);
        let base = parent.trace_state();
        let fields = ot_fields(base);
        if self.is_settled(parent, fields, permission) {
            return unchanged(parent.is_sampled(), base.clone());
        }
        let member = Member::read(parent);
        let (claim, mut dsc) = self.member_text(member.as_ref());
        let caller = caller(parent, claim);
        let parent_rate = dsc.sample_rate();
        let mut status = Status { origin: claim.origin, decision: Decision::Flag, permission };
        if self.settings.targets.match_none() && status.origin == Origin::Continued {
            // Another propagator has extracted it.
            dsc.withhold(&mut status.origin);
        }
        let rand = dsc
            .sample_rand()
            .filter(|rand| rand.agrees_with(TraceSampling::new(caller.sampled(), parent_rate)));
        let choice = match asked {
            Some(_) => self.choose(caller, parent_rate),
            None => Choice::None,
        };
        let decided = match choice {
            Choice::None => {
                status.decision = caller.sampled().map_or(Decision::Undecided, Decision::Forwarded);
                let threshold = fields.threshold_of(parent).filter(|_| member.is_none());
                if let Some(rate) = threshold.and_then(Threshold::rate) {
                    // The span is not recorded, so it has no `th`. The trace's rate still holds.
                    set_facts(&mut dsc, fields.randomness_of(self.trace_id), true, rate);
                }
                return unchanged(false, state(base, status, dsc, fields.with(None, None)));
            }
            Choice::Callers => {
                let ot = fields.with_what_holds(parent);
                return unchanged(parent.is_sampled(), state(base, status, dsc, ot));
            }
            Choice::Rate(rate) => self.decided_by_rate(rate, rand, base),
            Choice::Inner(result) => self.decided_by_inner(result, rand, base),
        };
        match decided.rate {
            Some(rate) if status.origin == Origin::Head => {
                set_facts(&mut dsc, decided.randomness, decided.sampled, rate);
            }
            Some(rate) => _ = dsc.set(DscKey::SampleRate, &rate.to_string()),
            None => {}
        }
        if status.origin == Origin::Continued && caller.sampled().is_none() {
            dsc.set(DscKey::Sampled, if decided.sampled { "true" } else { "false" });
        }
        result(decided, status, dsc)
    }

    /// What the parent's member says. Without one, `traceparent` decided.
    fn member_text(&self, member: Option<&Member<'_>>) -> (Status, MemberText) {
        let empty = || MemberText::new(self.trace_id, 0);
        let Some(member) = member else {
            return (Status { decision: Decision::Traceparent, ..Status::UNMARKED }, empty());
        };
        match MemberText::from_entries(&member.entries, self.trace_id) {
            Ok(text) => (member.status, text),
            Err(_) => (Status::MALFORMED, empty()),
        }
    }
}

/// Whether a local parent has just the trace state that its child needs.
#[inline]
fn inherits(parent: &SpanContext, permission: Option<Permission>) -> bool {
    let trace_state = parent.trace_state();
    permission == Some(member::permission(trace_state))
        && permission != Some(Permission::Denied)
        && (parent.is_sampled() || !ot_fields(trace_state).has_threshold())
}

/// What a remote parent decided, and in which header.
fn caller(parent: &SpanContext, status: Status) -> CallerDecision {
    let sampled = parent.is_sampled();
    match status.decision {
        Decision::Traceparent => CallerDecision::Traceparent { sampled },
        Decision::Flag => CallerDecision::Sentry { sampled },
        Decision::Deferred | Decision::Undecided | Decision::Forwarded(_) => {
            CallerDecision::Deferred
        }
    }
}

/// No new decision: the parent's, the caller's, or none.
#[inline]
fn unchanged(sampled: bool, trace_state: TraceState) -> SamplingResult {
    SamplingResult { decision: decision(sampled), attributes: Vec::new(), trace_state }
}

pub(super) fn decision(sampled: bool) -> SamplingDecision {
    match sampled {
        true => SamplingDecision::RecordAndSample,
        false => SamplingDecision::Drop,
    }
}

/// The rate and `sample_rand` of a head's decision.
fn set_facts(facts: &mut MemberText, randomness: Randomness, sampled: bool, rate: SampleRate) {
    let rand = randomness.sample_rand(TraceSampling::new(Some(sampled), Some(rate.get())));
    facts.set(DscKey::SampleRate, &rate.to_string());
    facts.set(DscKey::SampleRand, &rand.to_string());
}

/// The span's trace state; a denied span keeps the sampling facts only.
fn state(
    base: &TraceState,
    mut status: Status,
    mut dsc: MemberText,
    ot: Option<String>,
) -> TraceState {
    if status.permission == Permission::Denied {
        dsc.withhold(&mut status.origin);
    }
    replace(base, Some((status, dsc)), ot)
}

/// A decision of this service.
fn result(decided: Decided<'_>, status: Status, dsc: MemberText) -> SamplingResult {
    let trace_state = state(&decided.base, status, dsc, decided.ot);
    let mut attributes = decided.attributes;
    if let Some(rate) = decided.rate.filter(|_| decided.sampled) {
        attributes.push(KeyValue::new(SAMPLE_RATE_ATTRIBUTE, rate.get()));
    }
    SamplingResult { decision: decided.decision, attributes, trace_state }
}
