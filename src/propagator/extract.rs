//! What an incoming trace does to a context: it is continued, refused, or there is none.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::propagator::continue_decision::ContinueDecision;
use crate::sampling::randomness::{Randomness, Threshold};
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::sentry::Settings;
use crate::settings::warning::Warning;
use crate::tracestate::list::{ot_fields, replace};
use crate::tracestate::member_text::MemberText;
use crate::tracestate::ot::Ot;
use crate::tracestate::status::{Decision, Origin, Permission, Status};
use crate::wire::dsc_key::DscKey;
use crate::wire::sentry_trace::SentryTrace;

/// What came with a request.
pub(crate) struct Incoming<'a> {
    pub(crate) sentry_trace: Option<SentryTrace>,
    /// The lines of `baggage`.
    pub(crate) baggage: Vec<&'a str>,
    /// The remote parent that another propagator found: W3C's, in most cases.
    pub(crate) remote: Option<&'a SpanContext>,
}

impl Incoming<'_> {
    /// Whether there is nothing to continue.
    pub(crate) fn is_absent(&self) -> bool {
        self.sentry_trace.is_none() && self.remote.is_none()
    }

    /// What becomes of the trace, and the remote parent of the next span where it is continued.
    pub(crate) fn parent(&self, settings: &Settings) -> (ContinueDecision, Option<SpanContext>) {
        let Some(mut parent) = Parent::choose(settings, self.sentry_trace, self.remote) else {
            return (ContinueDecision::NoTrace, None);
        };
        let mut dsc = MemberText::from_baggage(&self.baggage, parent.trace_id);
        let decision = self.decide(settings, &mut parent, &dsc);
        if !decision.is_continued() {
            return (decision, None);
        }
        if dsc.names_trace() == Some(false) {
            dsc.clear();
        }
        (decision, Some(parent.into_span_context(settings, dsc)))
    }

    fn decide(
        &self,
        settings: &Settings,
        parent: &mut Parent<'_>,
        dsc: &MemberText,
    ) -> ContinueDecision {
        let has_claim = self.sentry_trace.is_some_and(|trace| trace.trace_id() == parent.trace_id);
        if !has_claim {
            // A hop that speaks only W3C dropped `sentry-trace`, or `traceparent` was preferred to
            // it: only a DSC that names the trace makes it Sentry's.
            if dsc.names_trace() != Some(true) {
                return ContinueDecision::NotASentryTrace;
            }
            // Nobody says that 00 is a decision.
            if dsc.sampled().is_none() {
                parent.sampled = parent.sampled.filter(|sampled| *sampled);
            }
        }
        let ours = settings.org_id.as_deref();
        ContinueDecision::of(ours, dsc.org_id().as_deref(), settings.strict_trace_continuation)
    }
}

/// `strict_trace_continuation` needs an organization of our own, which `build` cannot require.
pub(crate) fn check_own_organization(settings: &Settings, decision: ContinueDecision) {
    let is_unknown = matches!(
        decision,
        ContinueDecision::NeitherOrganizationKnown | ContinueDecision::OwnOrganizationUnknown
    );
    if is_unknown && settings.strict_trace_continuation {
        settings.warnings.give(Warning::NoOwnOrganization);
    }
}

/// The remote parent, before it is written down.
struct Parent<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
    /// Whether `sampled` is the flag of `traceparent`.
    is_w3c_flag: bool,
    trace_state: Cow<'a, TraceState>,
}

impl<'a> Parent<'a> {
    /// Which of two traces is continued: that of `sentry-trace`, whose span is in Sentry for certain,
    /// unless the other one is preferred. Within one trace the `tracestate` stays in any case.
    fn choose(
        settings: &Settings,
        sentry_trace: Option<SentryTrace>,
        remote: Option<&'a SpanContext>,
    ) -> Option<Self> {
        let w3c = remote.map(|remote| Parent {
            trace_id: remote.trace_id(),
            span_id: remote.span_id(),
            sampled: Some(remote.is_sampled()),
            is_w3c_flag: true,
            trace_state: Cow::Borrowed(remote.trace_state()),
        });
        let Some(trace) = sentry_trace else {
            return w3c;
        };
        match w3c {
            Some(w3c) if settings.prefer_traceparent => {
                let is_same = w3c.trace_id == trace.trace_id() && w3c.sampled == trace.sampled();
                Some(Parent { is_w3c_flag: !is_same, ..w3c })
            }
            Some(w3c) if w3c.trace_id == trace.trace_id() => Some(Parent {
                span_id: trace.span_id(),
                // W3C has no word for undecided: its 00 may mean that.
                sampled: trace.sampled().or(w3c.sampled.filter(|sampled| *sampled)),
                is_w3c_flag: trace.sampled().is_none(),
                ..w3c
            }),
            _ => Some(Parent {
                trace_id: trace.trace_id(),
                span_id: trace.span_id(),
                sampled: trace.sampled(),
                is_w3c_flag: false,
                trace_state: Cow::Owned(TraceState::NONE),
            }),
        }
    }

    fn into_span_context(self, settings: &Settings, mut dsc: MemberText) -> SpanContext {
        let ot = self.settle(&mut dsc);
        // A DSC that agrees is the decision of a Sentry service.
        let is_w3c_flag = self.is_w3c_flag && dsc.sampled() != self.sampled;
        let mut origin = Origin::Continued;
        if dsc.is_empty() {
            origin = Origin::Withheld;
        } else if settings.targets.are_nowhere() {
            origin = Origin::Withheld;
            dsc.keep_sampling_facts();
        }
        let decision = match self.sampled {
            None => Decision::Deferred,
            Some(_) if is_w3c_flag => Decision::Traceparent,
            Some(_) => Decision::Flag,
        };
        let status = Status { origin, decision, permission: Permission::Unknown };
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::default().with_sampled(self.sampled == Some(true)),
            true,
            replace(&self.trace_state, Some((status, dsc)), ot),
        )
    }

    /// Makes flag, rate, `sample_rand` and OTel's fields agree: fills in a `sample_rand` that is
    /// missing, and gives `th` and `rv` for the `ot` member.
    ///
    /// Example: `-1`, rate 0.25 and no `sample_rand`, from a trace id with X/M = 0.6. Backfill takes
    /// 0.6 of [0, 0.25): `sample_rand` is 0.150000. The trace id stands for 0.6, which 0.25 does not
    /// sample, so an `rv` that stands for 0.15 is added; with it `th:c` (0.25) holds, and is written.
    fn settle(&self, dsc: &mut MemberText) -> Ot {
        let fields = ot_fields(&self.trace_state);
        let randomness = fields.randomness_of(self.trace_id);
        let trace = TraceSampling::new(self.sampled, dsc.sample_rate());
        let mut rand = dsc.sample_rand();
        if rand.is_none() && !dsc.is_empty() {
            rand = randomness.backfill(trace);
            if let Some(rand) = rand {
                dsc.set(DscKey::SampleRand, &rand.to_string());
            }
        }
        let rand = rand.filter(|rand| rand.agrees_with(trace));
        let sampled = self.sampled == Some(true);
        let held = fields.threshold_for(self.trace_id, sampled);
        let added = rand
            .filter(|rand| held.is_none() && !randomness.implies(*rand, trace))
            .filter(|_| fields.randomness().is_none())
            .and_then(|rand| Randomness::from_sample_rand(rand, trace));
        let settled = added.unwrap_or(randomness);
        let threshold = held.or_else(|| {
            let threshold = Threshold::of(trace.rate.filter(|_| sampled)?);
            settled.is_sampled_at(threshold).then_some(threshold)
        });
        Ot::Set { threshold, added }
    }
}
