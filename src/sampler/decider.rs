//! What decides a trace in this service, the settings or the user's sampler, and what was decided.

use std::borrow::Cow;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{TraceContextExt, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::sampler::new_span::{decision, NewSpan};
use crate::sampling::randomness::{Randomness, Threshold};
use crate::sampling::rate::SampleRate;
use crate::sampling::sample_rand::SampleRand;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::callback::{call_suppressed, Panicked};
use crate::settings::traces_sampler::{CallerDecision, SamplingContext};
use crate::settings::warning::Warning;
use crate::tracestate::list::{merged, ot_fields};

/// What decides a trace that has no parent in this service.
#[derive(Clone, Copy)]
pub(super) enum Decider<'a> {
    /// `traces_sampler`, else `traces_sample_rate`, else nothing.
    Settings,
    /// The user's sampler, if no caller has decided.
    Inner(&'a dyn ShouldSample),
}

/// How a trace is decided.
pub(super) enum Choice {
    /// Not in this service.
    None,
    /// The caller's decision.
    Callers,
    /// A rate, compared with the trace's randomness.
    Rate(SampleRate),
    /// The inner sampler's decision.
    Inner(SamplingResult),
}

/// A decision of this service.
pub(super) struct Decided<'a> {
    pub(super) sampled: bool,
    pub(super) rate: Option<SampleRate>,
    /// The new value of the `ot` member, if it changes.
    pub(super) ot: Option<String>,
    pub(super) randomness: Randomness,
    pub(super) decision: SamplingDecision,
    pub(super) attributes: Vec<KeyValue>,
    /// The trace state to build on.
    pub(super) base: Cow<'a, TraceState>,
}

impl NewSpan<'_> {
    pub(super) fn choose(&self, caller: CallerDecision, parent_rate: Option<f64>) -> Choice {
        let settings = self.settings;
        let asked = match (self.decider, &settings.traces_sampler) {
            (Decider::Inner(_), _) if caller.sampled().is_some() => return Choice::Callers,
            (Decider::Inner(inner), _) => {
                let result = self.ask(inner).map(Choice::Inner);
                result.map_err(|Panicked| Warning::WrappedSamplerPanicked)
            }
            (Decider::Settings, None) => {
                return match (caller.sampled(), settings.traces_sample_rate) {
                    (_, None) => Choice::None,
                    (Some(_), Some(_)) => Choice::Callers,
                    (None, Some(rate)) => Choice::Rate(rate),
                };
            }
            (Decider::Settings, Some(sampler)) => {
                let context = SamplingContext {
                    name: self.name,
                    span_kind: self.span_kind,
                    attributes: self.attributes,
                    trace_id: self.trace_id,
                    caller,
                    // A number that is too small for a rate is as good as 0. It is not the
                    // function's fault.
                    parent_sample_rate: parent_rate
                        .map(|rate| SampleRate::new(rate).map_or(0.0, SampleRate::get)),
                };
                let rate = call_suppressed(self.parent_context, || (sampler.0)(&context));
                let rate = rate.map(|rate| Choice::Rate(self.checked(rate)));
                rate.map_err(|Panicked| Warning::TracesSamplerPanicked)
            }
        };
        asked.unwrap_or_else(|warning| {
            settings.warnings.note(warning);
            // A function that panicked has failed to decide, so without a rate the trace is
            // declined, not left undecided.
            match caller.sampled() {
                Some(_) => Choice::Callers,
                None => Choice::Rate(settings.traces_sample_rate.unwrap_or(SampleRate::ZERO)),
            }
        })
    }

    fn checked(&self, rate: f64) -> SampleRate {
        SampleRate::new(rate).unwrap_or_else(|_| {
            self.settings.warnings.note(Warning::TracesSamplerRate);
            SampleRate::ZERO
        })
    }

    /// The inner sampler's result. It sees no parent: an undecided one, or an invalid span context,
    /// would look like a decision not to sample.
    fn ask(&self, inner: &dyn ShouldSample) -> Result<SamplingResult, Panicked> {
        let spanless = self.parent_context.filter(|cx| cx.has_active_span()).map(|cx| {
            let baggage = cx.baggage().iter().map(|(key, value)| (key.clone(), value.clone()));
            Context::new().with_baggage(baggage.collect::<Baggage>())
        });
        let cx = spanless.as_ref().or(self.parent_context);
        let NewSpan { trace_id, name, span_kind, attributes, links, .. } = *self;
        call_suppressed(self.parent_context, || {
            inner.should_sample(cx, trace_id, name, span_kind, attributes, links)
        })
    }

    /// The decision by a rate: by the incoming `sample_rand`, else by the trace's randomness.
    pub(super) fn decided_by_rate<'a>(
        &self,
        rate: SampleRate,
        rand: Option<SampleRand>,
        base: &'a TraceState,
    ) -> Decided<'a> {
        let fields = ot_fields(base);
        let randomness = fields.randomness_of(self.trace_id);
        let threshold = Threshold::of(rate.get());
        let implied = randomness.is_sampled_at(threshold);
        let sampled = rand.map_or(implied, |rand| rand.is_sampled_at(rate.get()));
        Decided {
            sampled,
            rate: Some(rate),
            ot: fields.with((sampled && implied).then_some(threshold), None),
            randomness,
            decision: decision(sampled),
            attributes: Vec::new(),
            base: Cow::Borrowed(base),
        }
    }

    /// The inner sampler's decision. Its `th` counts if the trace's randomness agrees.
    pub(super) fn decided_by_inner<'a>(
        &self,
        result: SamplingResult,
        rand: Option<SampleRand>,
        base: &'a TraceState,
    ) -> Decided<'a> {
        let SamplingResult { decision, attributes, trace_state } = result;
        let sampled = decision == SamplingDecision::RecordAndSample;
        let written = ot_fields(&trace_state);
        let added = written.randomness();
        let (own, trace_id) = (ot_fields(base), self.trace_id);
        let randomness = own.randomness().or(added).unwrap_or_else(|| Randomness::of(trace_id));
        let threshold = written.threshold().filter(|th| randomness.is_sampled_at(*th) == sampled);
        let agrees = |rate: &SampleRate| {
            let trace = TraceSampling::new(Some(sampled), Some(rate.get()));
            rand.map_or(true, |rand| rand.agrees_with(trace))
        };
        let added = added.filter(|_| own.randomness().is_none());
        let base = merged(base, trace_state);
        Decided {
            sampled,
            rate: threshold.and_then(Threshold::rate).filter(agrees),
            ot: ot_fields(&base).with(threshold.filter(|_| sampled), added),
            randomness,
            decision,
            attributes,
            base,
        }
    }
}
