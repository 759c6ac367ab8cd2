//! Decides whether the incoming trace is continued, and builds its remote parent.

use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::propagator::continue_decision::ContinueDecision;
use crate::sampling::randomness::{Randomness, Threshold};
use crate::sampling::sample_rand::SampleRand;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::sentry::Settings;
use crate::settings::warning::Warning;
use crate::tracestate::list::{ot_fields, replace};
use crate::tracestate::member_text::MemberText;
use crate::tracestate::status::{Decision, Origin, Permission, Status};
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::dsc_key::DscKey;
use crate::wire::sentry_trace::SentryTrace;

/// What arrived with a request that has a trace.
pub(crate) struct Incoming<'a> {
    /// The trace that is continued, if the rules below allow it.
    parent: RemoteParent<'a>,
    sentry_trace: Option<SentryTrace>,
    /// The lines of `baggage`.
    baggage: Vec<&'a str>,
    /// The remote parent that another propagator found: W3C's, in most cases.
    pub(crate) remote: Option<&'a SpanContext>,
}

impl<'a> Incoming<'a> {
    /// `None` if there is no trace.
    #[inline]
    pub(crate) fn read(
        settings: &Settings,
        extractor: &'a dyn Extractor,
        remote: Option<&'a SpanContext>,
    ) -> Option<Self> {
        let sentry_trace = SentryTrace::extract(extractor);
        let parent = RemoteParent::choose(settings, sentry_trace, remote)?;
        let baggage = extractor.get_all(BAGGAGE_HEADER).unwrap_or_default();
        Some(Incoming { parent, sentry_trace, baggage, remote })
    }

    /// Whether the trace is continued, and, exactly if it is, the remote parent of the next span.
    pub(crate) fn parent(&self, settings: &Settings) -> (ContinueDecision, Option<SpanContext>) {
        let mut parent = self.parent;
        let mut dsc = MemberText::from_baggage(&self.baggage, parent.trace_id);
        let is_in_sentry_trace =
            self.sentry_trace.is_some_and(|trace| trace.trace_id() == parent.trace_id);
        // The trace is `traceparent`'s, since no `sentry-trace` arrived (after a hop that knows
        // only W3C), or `traceparent` is preferred. Then it is Sentry's only if a DSC names it.
        if !is_in_sentry_trace && dsc.names_trace() != Some(true) {
            return (ContinueDecision::NotASentryTrace, None);
        }
        // Even another trace's DSC names the caller's organization, so compare before dropping it.
        let (ours, theirs) = (settings.org_id.as_deref(), dsc.org_id());
        let strict = settings.strict_trace_continuation;
        let decision = ContinueDecision::by_organizations(ours, theirs.as_deref(), strict);
        if !decision.is_continued() {
            return (decision, None);
        }
        // Another trace's DSC is dropped.
        if dsc.names_trace() == Some(false) {
            dsc.clear();
        }
        if !is_in_sentry_trace && dsc.sampled().is_none() {
            parent.sampled = only_sampled(parent.sampled);
        }
        (decision, Some(parent.into_span_context(settings, dsc)))
    }
}

/// The decision of `traceparent` if Sentry's headers leave it open. W3C has no undecided state, so
/// only 01 counts: 00 may mean undecided.
fn only_sampled(sampled: Option<bool>) -> Option<bool> {
    sampled.filter(|sampled| *sampled)
}

/// Warns if `strict_trace_continuation` is on and our own organization is unknown: `build` cannot
/// require one.
pub(crate) fn warn_of_unknown_organization(settings: &Settings, decision: ContinueDecision) {
    let is_unknown = matches!(
        decision,
        ContinueDecision::NeitherOrganizationKnown | ContinueDecision::OwnOrganizationUnknown
    );
    if is_unknown && settings.strict_trace_continuation {
        settings.warnings.log_once(Warning::NoOwnOrganization);
    }
}

/// The remote parent, before it becomes a span context.
#[derive(Clone, Copy)]
struct RemoteParent<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
    /// Whether `sampled` is what `sentry-trace` says.
    is_sentry_decision: bool,
    trace_state: &'a TraceState,
}

static NO_TRACE_STATE: TraceState = TraceState::NONE;

impl<'a> RemoteParent<'a> {
    /// Which of two traces is continued: that of `sentry-trace`, since its span is in Sentry,
    /// unless `traceparent` is preferred. `tracestate` is kept whenever it belongs to that trace.
    fn choose(
        settings: &Settings,
        sentry_trace: Option<SentryTrace>,
        remote: Option<&'a SpanContext>,
    ) -> Option<Self> {
        let w3c = remote.map(|remote| RemoteParent {
            trace_id: remote.trace_id(),
            span_id: remote.span_id(),
            sampled: Some(remote.is_sampled()),
            is_sentry_decision: false,
            trace_state: remote.trace_state(),
        });
        let Some(trace) = sentry_trace else {
            return w3c;
        };
        match w3c {
            // The user prefers `traceparent`, so even its 00 is a decision.
            Some(w3c) if settings.prefer_traceparent => {
                let is_same = w3c.trace_id == trace.trace_id() && w3c.sampled == trace.sampled();
                Some(RemoteParent { is_sentry_decision: is_same, ..w3c })
            }
            Some(w3c) if w3c.trace_id == trace.trace_id() => Some(RemoteParent {
                span_id: trace.span_id(),
                sampled: trace.sampled().or(only_sampled(w3c.sampled)),
                is_sentry_decision: trace.sampled().is_some(),
                ..w3c
            }),
            _ => Some(RemoteParent {
                trace_id: trace.trace_id(),
                span_id: trace.span_id(),
                sampled: trace.sampled(),
                is_sentry_decision: true,
                trace_state: &NO_TRACE_STATE,
            }),
        }
    }

    fn into_span_context(self, settings: &Settings, mut dsc: MemberText) -> SpanContext {
        let ot = self.settle(&mut dsc);
        // A DSC that agrees shows that a Sentry service made the decision.
        let is_sentry_decision = self.is_sentry_decision || dsc.sampled() == self.sampled;
        let mut origin = Origin::Continued;
        if dsc.is_empty() {
            origin = Origin::Withheld;
        } else if settings.targets.match_none() {
            dsc.withhold(&mut origin);
        }
        let decision = match self.sampled {
            None => Decision::Deferred,
            Some(_) if is_sentry_decision => Decision::Flag,
            Some(_) => Decision::Traceparent,
        };
        let status = Status { origin, decision, permission: Permission::Unknown };
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::default().with_sampled(self.sampled == Some(true)),
            true,
            replace(self.trace_state, Some((status, dsc)), ot),
        )
    }

    /// Makes flag, rate, `sample_rand` and OTel's fields agree: fills in a missing `sample_rand`,
    /// and returns the new value of the `ot` member, if it changes. [`sampling`](crate::sampling)
    /// defines X and M.
    ///
    /// Example: flag `-1`, rate 0.25, no `sample_rand`, and a trace id with X/M = 0.6. Backfill
    /// scales 0.6 into [0, 0.25): `sample_rand` becomes 0.150000. The trace id's own 0.6 is not
    /// sampled at 0.25, so an `rv` for 0.15 is added. With that, `th:c` (rate 0.25) holds, and is
    /// written too.
    fn settle(&self, dsc: &mut MemberText) -> Option<String> {
        let fields = ot_fields(self.trace_state);
        let randomness = fields.randomness_of(self.trace_id);
        let trace = TraceSampling::new(self.sampled, dsc.sample_rate());
        let threshold = trace.rate.map(Threshold::of);
        let rand = dsc.sample_rand().or_else(|| fill_in_sample_rand(dsc, randomness, trace));
        let sampled = self.sampled == Some(true);
        let valid_threshold = fields.threshold_for(self.trace_id, sampled);
        let needs_rv = valid_threshold.is_none() && fields.randomness().is_none();
        let added = rand
            .filter(|rand| needs_rv && rand.agrees_with(trace))
            .filter(|rand| !randomness.implies(*rand, trace, threshold))
            .and_then(|rand| Randomness::from_sample_rand(rand, trace, threshold));
        let randomness = added.unwrap_or(randomness);
        let holds = |threshold: &Threshold| sampled && randomness.is_sampled_at(*threshold);
        let threshold = valid_threshold.or(threshold.filter(holds));
        fields.with(threshold, added)
    }
}

fn fill_in_sample_rand(
    dsc: &mut MemberText,
    randomness: Randomness,
    trace: TraceSampling,
) -> Option<SampleRand> {
    let rand = randomness.backfill(trace).filter(|_| !dsc.is_empty())?;
    dsc.set(DscKey::SampleRand, &rand.to_string());
    Some(rand)
}
