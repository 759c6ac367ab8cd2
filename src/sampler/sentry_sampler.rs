//! The sampler: Sentry's decisions in terms of the SDK's `ShouldSample`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::sampler::span_attributes::{transaction, url};
use crate::sampling::randomness::{Randomness, Threshold};
use crate::sampling::rate::SampleRate;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::sentry::{Sentry, Settings};
use crate::settings::targets::outgoing_url;
use crate::settings::traces_sampler::SamplingContext;
use crate::tracestate::list::{ot_fields, replace};
use crate::tracestate::member::{permission, status, Member};
use crate::tracestate::member_text::MemberText;
use crate::tracestate::ot::{Ot, OtFields};
use crate::tracestate::status::{Decision, Origin, Permission, Status};
use crate::wire::dsc_key::DscKey;

/// The span attribute that holds the rate, where it was applied in this service.
const SAMPLE_RATE_ATTRIBUTE: &str = "sentry.sample_rate";

/// Samples traces as Sentry's SDKs do: as the caller decided, else by the configured rate.
///
/// Made by [`Sentry::sampler`]. It is parent-based by itself: use it alone. Under
/// `Sampler::parent_based` it belongs into all five branches; with the default local branches the
/// decisions are the same, but the targets of spans with a local parent are not asked for. Never
/// put it into `Sampler::ParentBased(..)`, which throws the trace state of a root away.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use opentelemetry_sentry::Sentry;
///
/// let sentry = Sentry::builder().traces_sample_rate(0.2).build()?;
/// let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
/// # Ok::<(), opentelemetry_sentry::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SentrySampler {
    settings: Arc<Settings>,
}

impl Sentry {
    /// The sampler of these settings.
    pub fn sampler(&self) -> SentrySampler {
        SentrySampler { settings: Arc::clone(&self.settings) }
    }
}

impl fmt::Debug for SentrySampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentrySampler")
            .field("traces_sample_rate", &self.settings.traces_sample_rate)
            .field("traces_sampler", &self.settings.traces_sampler)
            .finish_non_exhaustive()
    }
}

impl ShouldSample for SentrySampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let span = Start { settings: &self.settings, trace_id, name, span_kind, attributes };
        let destination = span.destination(parent_context);
        let parent_span = parent_context.map(|cx| cx.span());
        let parent = parent_span.as_ref().map(|span| span.span_context()).filter(|p| p.is_valid());
        match parent {
            Some(parent) if parent.is_remote() => span.below_remote(parent, destination),
            Some(parent) => span.below_local(parent, destination),
            None => span.head(destination),
        }
    }
}

/// Where a request goes whose span starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Unknown,
    Denied,
    Allowed,
    /// Sentry itself: never traced.
    Sentry,
}

/// A span about to start.
struct Start<'a> {
    settings: &'a Settings,
    trace_id: TraceId,
    name: &'a str,
    span_kind: &'a SpanKind,
    attributes: &'a [KeyValue],
}

impl Start<'_> {
    fn destination(&self, parent_context: Option<&Context>) -> Destination {
        let settings = self.settings;
        match self.span_kind {
            SpanKind::Client | SpanKind::Producer => {}
            SpanKind::Internal | SpanKind::Server | SpanKind::Consumer => {
                return Destination::Unknown
            }
        }
        let matters = !settings.targets.are_everywhere()
            || settings.dsn.is_some()
            || settings.deny_unknown_urls;
        if !matters {
            return Destination::Unknown;
        }
        let known = parent_context.and_then(outgoing_url).map(Cow::Borrowed);
        let Some(url) = known.or_else(|| url(self.attributes)) else {
            return Destination::Unknown;
        };
        match settings.is_sentry(&url) {
            true if *self.span_kind == SpanKind::Client => Destination::Sentry,
            false if settings.targets.matches(&url) => Destination::Allowed,
            _ => Destination::Denied,
        }
    }

    /// What is left on the span for the propagator, which sees no attributes.
    fn permission(&self, destination: Destination) -> Permission {
        match destination {
            Destination::Denied | Destination::Sentry => Permission::Denied,
            Destination::Allowed if self.settings.deny_unknown_urls => Permission::Allowed,
            Destination::Allowed | Destination::Unknown => Permission::Unknown,
        }
    }

    /// The rate that is configured for this trace.
    fn rate(&self, parent_sampled: Option<bool>, parent_rate: Option<f64>) -> Option<SampleRate> {
        let Some(sampler) = &self.settings.traces_sampler else {
            return self.settings.traces_sample_rate;
        };
        let rate = sampler.call(&SamplingContext {
            name: self.name,
            span_kind: self.span_kind,
            attributes: self.attributes,
            trace_id: self.trace_id,
            parent_sampled,
            // What is too small for a rate of ours is as good as 0, and no fault of the function.
            parent_sample_rate: parent_rate
                .map(|rate| SampleRate::new(rate).map_or(0.0, |r| r.get())),
        });
        Some(SampleRate::new(rate).unwrap_or_else(|_| {
            self.settings.warnings.traces_sampler_rate.give(
                "traces_sampler returned a rate that is neither 0 nor from 1e-15 to 1; it counts \
                 as 0",
            );
            SampleRate::ZERO
        }))
    }

    fn head(&self, destination: Destination) -> SamplingResult {
        let permission = self.permission(destination);
        let rate = match destination {
            Destination::Sentry => None,
            _ => self.rate(None, None),
        };
        let Some(rate) = rate else {
            let marks = Status { origin: Origin::Head, decision: Decision::Undecided, permission };
            return self.result(
                false,
                None,
                self.state(None, marks, MemberText::new(self.trace_id, 0), Ot::Keep),
            );
        };
        let randomness = Randomness::of(self.trace_id);
        let threshold = Threshold::of(rate.get());
        let sampled = randomness.is_sampled_at(threshold);
        let mut facts = MemberText::new(self.trace_id, 64);
        set_facts(&mut facts, randomness, sampled, rate);
        let leaves = self.settings.head.is_some() && !self.settings.targets.are_nowhere();
        if leaves && permission != Permission::Denied {
            if let Some(transaction) = transaction(self.name, self.attributes) {
                facts.set(DscKey::Transaction, &transaction);
            }
        }
        let marks = Status { origin: Origin::Head, decision: Decision::Flag, permission };
        let ot = Ot::Set { threshold: Some(threshold).filter(|_| sampled), added: None };
        self.result(sampled, Some(rate), self.state(None, marks, facts, ot))
    }

    #[inline]
    fn below_local(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let sampled = parent.is_sampled() && destination != Destination::Sentry;
        let fields = || ot_fields(parent.trace_state());
        let new = self.permission(destination);
        let unchanged = permission(parent.trace_state()) == new && new != Permission::Denied;
        if unchanged && (sampled || !fields().has_threshold()) {
            return decided(sampled, parent.trace_state().clone());
        }
        let mut marks = status(parent.trace_state()).unwrap_or(Status::UNMARKED);
        if sampled != parent.is_sampled() {
            marks.decision = Decision::Forwarded(true);
        }
        marks.permission = new;
        let member = Member::read(parent);
        let dsc = member
            .as_ref()
            .and_then(|member| MemberText::from_entries(&member.entries, self.trace_id).ok());
        let threshold = fields().threshold_of(parent).filter(|_| sampled);
        let ot = Ot::Set { threshold, added: None };
        self.result(
            sampled,
            None,
            self.state(
                Some(parent),
                marks,
                dsc.unwrap_or_else(|| MemberText::new(self.trace_id, 0)),
                ot,
            ),
        )
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
        let decides = settings.traces_sample_rate.is_some()
            && settings.traces_sampler.is_none()
            && !settings.targets.are_nowhere()
            && !matches!(destination, Destination::Sentry | Destination::Denied);
        let permission = self.permission(destination);
        let is_same = match status(parent.trace_state()) {
            // A head's marks on a remote parent are somebody else's claim.
            Some(old) if old.origin == Origin::Head => false,
            Some(old) => matches!(old.decision, Decision::Flag) && old.permission == permission,
            None => permission == Permission::Unknown,
        };
        decides && is_same && fields.has_threshold() == fields.threshold_of(parent).is_some()
    }

    fn below_remote(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let fields = ot_fields(parent.trace_state());
        if self.is_settled(parent, fields, destination) {
            return decided(parent.is_sampled(), parent.trace_state().clone());
        }
        let member = Member::read(parent);
        let decision = member.as_ref().map_or(Decision::Flag, |member| member.status.decision);
        let text =
            member.as_ref().map(|member| MemberText::from_entries(&member.entries, self.trace_id));
        let (decision, mut dsc) = match text {
            Some(Ok(dsc)) => (decision, dsc),
            Some(Err(_)) => (Decision::Flag, MemberText::new(self.trace_id, 0)),
            None => (decision, MemberText::new(self.trace_id, 0)),
        };
        let parent_sampled =
            (!matches!(decision, Decision::Deferred)).then_some(parent.is_sampled());
        let parent_rate = dsc.sample_rate();
        let mut marks = Status {
            origin: member.as_ref().map_or(Origin::Head, |member| member.status.origin),
            decision: Decision::Flag,
            permission: self.permission(destination),
        };
        if self.settings.targets.are_nowhere() && marks.origin == Origin::Continued {
            // Another propagator brought it; it has to stay here all the same.
            marks.origin = Origin::Withheld;
            dsc.keep_sampling_facts();
        }
        let overrules = self.settings.traces_sampler.is_some() || parent_sampled.is_none();
        let configured =
            self.settings.traces_sampler.is_some() || self.settings.traces_sample_rate.is_some();
        if !configured || destination == Destination::Sentry {
            marks.decision = parent_sampled.map_or(Decision::Undecided, Decision::Forwarded);
            let threshold = fields.threshold_of(parent).filter(|_| member.is_none());
            if let Some(rate) = threshold.and_then(Threshold::rate) {
                // The span is not recorded, so `th` goes; what it says of the trace stays true.
                set_facts(&mut dsc, fields.randomness_of(self.trace_id), true, rate);
            }
            let ot = Ot::Set { threshold: None, added: None };
            return self.result(false, None, self.state(Some(parent), marks, dsc, ot));
        }
        let rate = self.rate(parent_sampled, parent_rate).filter(|_| overrules);
        let Some(rate) = rate else {
            let ot = Ot::Set { threshold: fields.threshold_of(parent), added: None };
            let state = self.state(Some(parent), marks, dsc, ot);
            return self.result(parent.is_sampled(), None, state);
        };
        let randomness = fields.randomness_of(self.trace_id);
        let threshold = Threshold::of(rate.get());
        let rand = dsc
            .sample_rand()
            .filter(|rand| rand.agrees_with(TraceSampling::new(parent_sampled, parent_rate)));
        let sampled =
            rand.map_or(randomness.is_sampled_at(threshold), |rand| rand.is_sampled_at(rate.get()));
        if marks.origin == Origin::Head {
            set_facts(&mut dsc, randomness, sampled, rate);
        } else {
            dsc.set(DscKey::SampleRate, &rate.to_string());
        }
        if marks.origin == Origin::Continued && parent_sampled.is_none() {
            dsc.set(DscKey::Sampled, if sampled { "true" } else { "false" });
        }
        let holds = sampled && randomness.is_sampled_at(threshold);
        let ot = Ot::Set { threshold: Some(threshold).filter(|_| holds), added: None };
        self.result(sampled, Some(rate), self.state(Some(parent), marks, dsc, ot))
    }

    /// The span's trace state; a denied span keeps the sampling facts only.
    fn state(
        &self,
        parent: Option<&SpanContext>,
        mut marks: Status,
        mut dsc: MemberText,
        ot: Ot,
    ) -> TraceState {
        if marks.permission == Permission::Denied {
            dsc.keep_sampling_facts();
            if marks.origin == Origin::Continued {
                marks.origin = Origin::Withheld;
            }
        }
        let base = parent.map_or(&TraceState::NONE, SpanContext::trace_state);
        replace(base, Some((marks, dsc)), ot)
    }

    fn result(
        &self,
        sampled: bool,
        local_rate: Option<SampleRate>,
        trace_state: TraceState,
    ) -> SamplingResult {
        let mut result = decided(sampled, trace_state);
        if let Some(rate) = local_rate.filter(|_| sampled) {
            result.attributes = vec![KeyValue::new(SAMPLE_RATE_ATTRIBUTE, rate.get())];
        }
        result
    }
}

#[inline]
fn decided(sampled: bool, trace_state: TraceState) -> SamplingResult {
    let decision = match sampled {
        true => SamplingDecision::RecordAndSample,
        false => SamplingDecision::Drop,
    };
    SamplingResult { decision, attributes: Vec::new(), trace_state }
}

/// What the head of a trace says of its decision.
fn set_facts(facts: &mut MemberText, randomness: Randomness, sampled: bool, rate: SampleRate) {
    let rand = randomness.sample_rand(TraceSampling::new(Some(sampled), Some(rate.get())));
    facts.set(DscKey::SampleRate, &rate.to_string());
    facts.set(DscKey::SampleRand, &rand.to_string());
}
