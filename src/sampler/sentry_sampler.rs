//! The sampler: Sentry's decisions in terms of the SDK's `ShouldSample`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::sampler::span_attributes::{transaction, url};
use crate::sampling::{Randomness, SampleRand, SampleRate, Threshold};
use crate::settings::sentry::{Sentry, Settings};
use crate::settings::targets::outgoing_url;
use crate::settings::traces_sampler::SamplingContext;
use crate::tracestate::new_trace_state::{replace, NewMember, Ot};
use crate::tracestate::ot::OtFields;
use crate::tracestate::status::{Decision, Marks, Origin, Verdict};
use crate::tracestate::trace_state::{marks, ot_fields, verdict, Member};
use crate::tracestate::unpacking::unpack;
use crate::wire::dsc::{DynamicSamplingContext, KnownMembers};
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
    fn verdict(&self, destination: Destination) -> Verdict {
        match destination {
            Destination::Denied | Destination::Sentry => Verdict::Denied,
            Destination::Allowed if self.settings.deny_unknown_urls => Verdict::Allowed,
            Destination::Allowed | Destination::Unknown => Verdict::Unknown,
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
        let verdict = self.verdict(destination);
        let rate = match destination {
            Destination::Sentry => None,
            _ => self.rate(None, None),
        };
        let Some(rate) = rate else {
            let marks = Marks { origin: Origin::Head, decision: Decision::Undecided, verdict };
            return self.result(false, None, self.state(None, marks, Default::default(), Ot::Keep));
        };
        let randomness = Randomness::of(self.trace_id);
        let threshold = Threshold::of(rate.get());
        let sampled = randomness.is_sampled_at(threshold);
        let mut facts = DynamicSamplingContext::default();
        set_facts(&mut facts, randomness, sampled, rate);
        let leaves = self.settings.head.is_some() && !self.settings.targets.are_nowhere();
        if leaves && verdict != Verdict::Denied {
            if let Some(transaction) = transaction(self.name, self.attributes) {
                facts.set(DscKey::Transaction, transaction);
            }
        }
        let marks = Marks { origin: Origin::Head, decision: Decision::Flag, verdict };
        let ot = Ot::Set { threshold: Some(threshold).filter(|_| sampled), added: None };
        self.result(sampled, Some(rate), self.state(None, marks, facts, ot))
    }

    #[inline]
    fn below_local(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let sampled = parent.is_sampled() && destination != Destination::Sentry;
        let fields = || ot_fields(parent.trace_state());
        let new = self.verdict(destination);
        let unchanged = verdict(parent.trace_state()) == new && new != Verdict::Denied;
        if unchanged && (sampled || !fields().has_threshold()) {
            return decided(sampled, parent.trace_state().clone());
        }
        let mut marks = marks(parent.trace_state()).unwrap_or(Marks::FOREIGN);
        if sampled != parent.is_sampled() {
            marks.decision = Decision::Forwarded(true);
        }
        marks.verdict = new;
        let member = Member::read(parent);
        let dsc = member.as_ref().and_then(|member| unpack(&member.entries, self.trace_id));
        let threshold = fields().threshold_of(parent).filter(|_| sampled);
        let ot = Ot::Set { threshold, added: None };
        self.result(sampled, None, self.state(Some(parent), marks, dsc.unwrap_or_default(), ot))
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
        let verdict = self.verdict(destination);
        let is_same = match marks(parent.trace_state()) {
            // A head's marks on a remote parent are somebody else's claim.
            Some(old) if old.origin == Origin::Head => false,
            Some(old) => old.decision == Decision::Flag && old.verdict == verdict,
            None => verdict == Verdict::Unknown,
        };
        decides && is_same && fields.has_threshold() == fields.threshold_of(parent).is_some()
    }

    fn below_remote(&self, parent: &SpanContext, destination: Destination) -> SamplingResult {
        let fields = ot_fields(parent.trace_state());
        if self.is_settled(parent, fields, destination) {
            return decided(parent.is_sampled(), parent.trace_state().clone());
        }
        let member = Member::read(parent);
        let decision = member.as_ref().map_or(Decision::Flag, |member| member.marks.decision);
        let parent_sampled = Some(parent.is_sampled()).filter(|_| decision == Decision::Flag);
        let dsc = member.as_ref().and_then(|member| unpack(&member.entries, self.trace_id));
        let mut dsc = dsc.unwrap_or_default();
        let parent_rate = dsc.sample_rate();
        let mut marks = Marks {
            origin: member.as_ref().map_or(Origin::Head, |member| member.marks.origin),
            decision: Decision::Flag,
            verdict: self.verdict(destination),
        };
        if self.settings.targets.are_nowhere() && marks.origin == Origin::Continued {
            // Another propagator brought it; it has to stay here all the same.
            marks.origin = Origin::Withheld;
            dsc = dsc.sampling_facts();
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
        let rand: Option<SampleRand> =
            dsc.sample_rand().filter(|rand| rand.agrees_with(parent_sampled, parent_rate));
        let sampled =
            rand.map_or(randomness.is_sampled_at(threshold), |rand| rand.is_sampled_at(rate.get()));
        if marks.origin == Origin::Head {
            set_facts(&mut dsc, randomness, sampled, rate);
        } else {
            dsc.set(DscKey::SampleRate, rate.to_string().into());
        }
        if marks.origin == Origin::Continued && parent_sampled.is_none() {
            dsc.set(DscKey::Sampled, if sampled { "true" } else { "false" }.into());
        }
        let holds = sampled && randomness.is_sampled_at(threshold);
        let ot = Ot::Set { threshold: Some(threshold).filter(|_| holds), added: None };
        self.result(sampled, Some(rate), self.state(Some(parent), marks, dsc, ot))
    }

    /// The span's trace state; a denied span keeps the sampling facts only.
    fn state(
        &self,
        parent: Option<&SpanContext>,
        mut marks: Marks,
        mut dsc: DynamicSamplingContext<'_>,
        ot: Ot,
    ) -> TraceState {
        if marks.verdict == Verdict::Denied {
            dsc = dsc.sampling_facts();
            if marks.origin == Origin::Continued {
                marks.origin = Origin::Withheld;
            }
        }
        let member = NewMember { marks, dsc, trace_id: self.trace_id };
        let base = parent.map_or(&TraceState::NONE, SpanContext::trace_state);
        replace(base, Some(member), ot)
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
fn set_facts(
    facts: &mut DynamicSamplingContext<'_>,
    randomness: Randomness,
    sampled: bool,
    rate: SampleRate,
) {
    let rand = randomness.sample_rand(Some(sampled), Some(rate.get()));
    facts.set(DscKey::SampleRate, rate.to_string().into());
    facts.set(DscKey::SampleRand, rand.to_string().into());
}
