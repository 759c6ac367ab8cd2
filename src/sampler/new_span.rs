//! A span about to start: where its request goes, and what its parent makes of it.

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult};

use crate::sampler::decider::{Choice, Decided, Decider};
use crate::sampler::span_attributes::{transaction, url};
use crate::sampling::randomness::Threshold;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::callback::{self, Running};
use crate::settings::sentry::{Destination as UrlDestination, Settings};
use crate::settings::targets::outgoing_url;
use crate::settings::traces_sampler::Parent;
use crate::tracestate::list::{ot_fields, replace};
use crate::tracestate::member::{self, Member};
use crate::tracestate::member_text::MemberText;
use crate::tracestate::ot::OtFields;
use crate::tracestate::status::{Decision, Origin, Permission, Status};
use crate::wire::dsc_key::DscKey;

/// The span attribute that holds the rate, where it was applied in this service.
const SAMPLE_RATE_ATTRIBUTE: &str = "sentry.sample_rate";

/// Where the request of a new span goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Unknown,
    Denied,
    Allowed,
    /// Nothing is recorded and nothing decided: it goes to Sentry itself, or telemetry is
    /// suppressed.
    Untraced,
}

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
    pub(super) fn sample(&self) -> SamplingResult {
        let destination = self.destination();
        let parent_span = self.parent_context.map(|cx| cx.span());
        let parent = parent_span.as_ref().map(|span| span.span_context()).filter(|p| p.is_valid());
        match parent {
            Some(parent) if parent.is_remote() => self.below_remote(parent, destination),
            Some(parent) => self.below_local(parent, destination),
            None => self.head(destination),
        }
    }

    /// Whether the span may send a request.
    fn is_request(&self) -> bool {
        matches!(self.span_kind, SpanKind::Client | SpanKind::Producer)
    }

    fn destination(&self) -> Destination {
        let settings = self.settings;
        let is_suppressed = self.parent_context.is_some_and(Context::is_telemetry_suppressed);
        if is_suppressed || callback::running() != Running::Nothing {
            return Destination::Untraced;
        }
        let matters = || {
            !settings.targets.are_everywhere()
                || settings.dsn.is_some()
                || settings.deny_unknown_urls
        };
        if !self.is_request() || !matters() {
            return Destination::Unknown;
        }
        let known = self.parent_context.and_then(outgoing_url).map(Cow::Borrowed);
        let Some(url) = known.or_else(|| url(self.attributes)) else {
            return Destination::Unknown;
        };
        match settings.destination(&url) {
            UrlDestination::Sentry if *self.span_kind == SpanKind::Client => Destination::Untraced,
            UrlDestination::Sentry | UrlDestination::Elsewhere => Destination::Denied,
            UrlDestination::Target => Destination::Allowed,
        }
    }

    /// What is left on the span for the propagator, which sees no attributes.
    fn permission(&self, destination: Destination) -> Permission {
        let denies_unknown = self.settings.deny_unknown_urls;
        match destination {
            Destination::Denied | Destination::Untraced => Permission::Denied,
            Destination::Allowed if denies_unknown => Permission::Allowed,
            // A stock W3C propagator would send the DSC in the trace state.
            Destination::Unknown if denies_unknown && self.is_request() => Permission::Denied,
            Destination::Allowed | Destination::Unknown => Permission::Unknown,
        }
    }

    fn head(&self, destination: Destination) -> SamplingResult {
        let permission = self.permission(destination);
        let choice = match destination {
            Destination::Untraced => Choice::None,
            _ => self.choose(Parent::None, None),
        };
        let decided = match choice {
            Choice::None | Choice::Parents => {
                let status =
                    Status { origin: Origin::Head, decision: Decision::Undecided, permission };
                let state = self.state(&TraceState::NONE, status, self.no_entries(), None);
                return unchanged(false, state);
            }
            Choice::Rate(rate) => self.decided_by_rate(rate, None, &TraceState::NONE),
            Choice::Inner(result) => self.decided_by_inner(result, None, &TraceState::NONE),
        };
        let mut facts = MemberText::new(self.trace_id, 64);
        set_facts(&mut facts, &decided);
        let sends_dsc = self.settings.head.is_some() && !self.settings.targets.are_nowhere();
        if sends_dsc && permission != Permission::Denied {
            if let Some(transaction) = transaction(self.name, self.attributes) {
                facts.set(DscKey::Transaction, &transaction);
            }
        }
        let status = Status { origin: Origin::Head, decision: Decision::Flag, permission };
        self.result(decided, status, facts)
    }

    #[inline]
    fn below_local(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let sampled = parent.is_sampled() && destination != Destination::Untraced;
        let fields = || ot_fields(parent.trace_state());
        let new = self.permission(destination);
        let is_same = member::permission(parent.trace_state()) == new && new != Permission::Denied;
        if is_same && (sampled || !fields().has_threshold()) {
            return unchanged(sampled, parent.trace_state().clone());
        }
        let mut status = member::status(parent.trace_state()).unwrap_or(Status::UNMARKED);
        if sampled != parent.is_sampled() {
            status.decision = Decision::Forwarded(true);
        }
        status.permission = new;
        let member = Member::read(parent);
        let (_, dsc) = self.member_text(member.as_ref());
        let threshold = fields().threshold_of(parent).filter(|_| sampled);
        let ot = fields().with(threshold, None);
        unchanged(sampled, self.state(parent.trace_state(), status, dsc, ot))
    }

    /// Whether a remote parent decides, and has just the trace state that its child needs: then
    /// its DSC is not taken apart. It may name another trace; what leaves is looked at once more.
    fn is_settled(
        &self,
        parent: &SpanContext,
        fields: OtFields<'_>,
        destination: Destination,
    ) -> bool {
        let settings = self.settings;
        let parent_decides = match self.decider {
            Decider::Inner(_) => true,
            Decider::Settings => {
                settings.traces_sample_rate.is_some() && settings.traces_sampler.is_none()
            }
        };
        let permission = self.permission(destination);
        let stays = parent_decides
            && !settings.targets.are_nowhere()
            && destination != Destination::Untraced
            && permission != Permission::Denied;
        let is_same = match member::status(parent.trace_state()) {
            // A head's marks on a remote parent are somebody else's claim.
            Some(old) if old.origin == Origin::Head => false,
            Some(old) => old.decision == Decision::Flag && old.permission == permission,
            // Without a member, `traceparent` decided.
            None => permission == Permission::Unknown,
        };
        stays && is_same && fields.has_threshold() == fields.threshold_of(parent).is_some()
    }

    fn below_remote(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let base = parent.trace_state();
        let fields = ot_fields(base);
        if self.is_settled(parent, fields, destination) {
            return unchanged(parent.is_sampled(), base.clone());
        }
        let member = Member::read(parent);
        let (claim, mut dsc) = self.member_text(member.as_ref());
        let caller = caller(parent, claim);
        let parent_rate = dsc.sample_rate();
        let mut status = Status {
            origin: claim.origin,
            decision: Decision::Flag,
            permission: self.permission(destination),
        };
        if self.settings.targets.are_nowhere() && status.origin == Origin::Continued {
            // Another propagator brought it.
            dsc.withhold(&mut status.origin);
        }
        let rand = dsc
            .sample_rand()
            .filter(|rand| rand.agrees_with(TraceSampling::new(caller.sampled(), parent_rate)));
        let choice = match destination {
            Destination::Untraced => Choice::None,
            _ => self.choose(caller, parent_rate),
        };
        let decided = match choice {
            Choice::None => {
                status.decision = caller.sampled().map_or(Decision::Undecided, Decision::Forwarded);
                let threshold = fields.threshold_of(parent).filter(|_| member.is_none());
                if let Some(rate) = threshold.and_then(Threshold::rate) {
                    // The span is not recorded, so `th` goes; what it says of the trace stays true.
                    let rand = fields.randomness_of(self.trace_id);
                    let rand = rand.sample_rand(TraceSampling::new(Some(true), Some(rate.get())));
                    dsc.set(DscKey::SampleRate, &rate.to_string());
                    dsc.set(DscKey::SampleRand, &rand.to_string());
                }
                let ot = fields.with(None, None);
                return unchanged(false, self.state(base, status, dsc, ot));
            }
            Choice::Parents => {
                let ot = fields.with_what_holds(parent);
                return unchanged(parent.is_sampled(), self.state(base, status, dsc, ot));
            }
            Choice::Rate(rate) => self.decided_by_rate(rate, rand, base),
            Choice::Inner(result) => self.decided_by_inner(result, rand, base),
        };
        if status.origin == Origin::Head {
            set_facts(&mut dsc, &decided);
        } else if let Some(rate) = decided.rate {
            dsc.set(DscKey::SampleRate, &rate.to_string());
        }
        if status.origin == Origin::Continued && caller.sampled().is_none() {
            dsc.set(DscKey::Sampled, if decided.sampled { "true" } else { "false" });
        }
        self.result(decided, status, dsc)
    }

    fn no_entries(&self) -> MemberText {
        MemberText::new(self.trace_id, 0)
    }

    /// What the parent's member says. Without one, `traceparent` decided.
    fn member_text(&self, member: Option<&Member<'_>>) -> (Status, MemberText) {
        match member.map(|member| {
            let text = MemberText::from_entries(&member.entries, self.trace_id);
            text.map(|text| (member.status, text))
        }) {
            Some(Ok(known)) => known,
            Some(Err(_)) => (Status::MALFORMED, self.no_entries()),
            None => {
                let status = Status { decision: Decision::Traceparent, ..Status::UNMARKED };
                (status, self.no_entries())
            }
        }
    }

    /// The span's trace state; a denied span keeps the sampling facts only.
    fn state(
        &self,
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

    /// A decision that was taken here.
    fn result(&self, decided: Decided<'_>, status: Status, dsc: MemberText) -> SamplingResult {
        let ot = ot_fields(&decided.base).with(decided.threshold, decided.added);
        let trace_state = self.state(&decided.base, status, dsc, ot);
        let mut attributes = decided.attributes;
        if let Some(rate) = decided.rate.filter(|_| decided.sampled) {
            attributes.push(KeyValue::new(SAMPLE_RATE_ATTRIBUTE, rate.get()));
        }
        SamplingResult { decision: decided.decision, attributes, trace_state }
    }
}

/// What a remote parent decided, and in which header.
fn caller(parent: &SpanContext, status: Status) -> Parent {
    let sampled = parent.is_sampled();
    match status.decision {
        Decision::Traceparent => Parent::Traceparent { sampled },
        Decision::Flag => Parent::Sentry { sampled },
        Decision::Deferred | Decision::Undecided | Decision::Forwarded(_) => Parent::Deferred,
    }
}

/// A decision that is not one of this service's own, or of its parent span.
#[inline]
fn unchanged(sampled: bool, trace_state: TraceState) -> SamplingResult {
    let decision = match sampled {
        true => SamplingDecision::RecordAndSample,
        false => SamplingDecision::Drop,
    };
    SamplingResult { decision, attributes: Vec::new(), trace_state }
}

/// What the head of a trace says of its decision. Without a rate there is nothing to say.
fn set_facts(facts: &mut MemberText, decided: &Decided<'_>) {
    let Some(rate) = decided.rate else {
        return;
    };
    let rand =
        decided.randomness.sample_rand(TraceSampling::new(Some(decided.sampled), Some(rate.get())));
    facts.set(DscKey::SampleRate, &rate.to_string());
    facts.set(DscKey::SampleRand, &rand.to_string());
}
