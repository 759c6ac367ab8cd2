//! What an incoming trace does to a context: it is continued, refused, or there is none.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::propagator::continue_decision::ContinueDecision;
use crate::sampling::{Randomness, Threshold};
use crate::settings::sentry::Settings;
use crate::tracestate::new_trace_state::{Ot, ToTraceState};
use crate::tracestate::status::{Decision, Marks, Origin, Verdict};
use crate::tracestate::trace_state::ot_fields;
use crate::wire::dsc::KnownMembers;
use crate::wire::dsc_key::DscKey;
use crate::wire::sentry_trace::SentryTrace;

/// What becomes of the trace that a request came with.
pub(crate) enum Continuation {
    /// The remote parent of the next span.
    Continue(SpanContext),
    /// It is another organisation's: the next span starts a trace.
    Refuse,
    /// No Sentry trace came. Holds the remote parent that somebody else found, if any.
    Nothing,
}

/// Decides what becomes of `sentry-trace` and `baggage`, beside the remote parent that another
/// propagator found (W3C's, in most cases).
pub(crate) fn continuation(
    settings: &Settings,
    trace: Option<SentryTrace>,
    dsc: &mut impl ToTraceState,
    remote: Option<&SpanContext>,
) -> Continuation {
    let parent = Parent::choose(settings, trace, remote);
    let decision = decide(settings, trace, parent.as_ref(), dsc);
    match (parent, decision) {
        (Some(parent), decision) if decision.is_continued() => {
            settings.check_own_organization(decision);
            if dsc.names_trace(parent.trace_id) == Some(false) {
                *dsc = Default::default();
            }
            Continuation::Continue(parent.into_span_context(settings, dsc))
        }
        (_, ContinueDecision::NoTrace | ContinueDecision::NotASentryTrace) => Continuation::Nothing,
        (_, decision) => {
            settings.check_own_organization(decision);
            Continuation::Refuse
        }
    }
}

impl Settings {
    /// `strict_trace_continuation` needs an organization of our own, which `build` cannot ask for.
    fn check_own_organization(&self, decision: ContinueDecision) {
        let is_unknown = matches!(
            decision,
            ContinueDecision::NeitherOrganizationKnown | ContinueDecision::OwnOrganizationUnknown
        );
        if is_unknown && self.strict_trace_continuation {
            self.warnings.no_own_organization.give();
        }
    }
}

/// The rule by which [`continuation`] goes.
pub(crate) fn continue_decision(
    settings: &Settings,
    trace: Option<SentryTrace>,
    dsc: &impl KnownMembers,
    remote: Option<&SpanContext>,
) -> ContinueDecision {
    let parent = Parent::choose(settings, trace, remote);
    decide(settings, trace, parent.as_ref(), dsc)
}

#[inline]
fn decide(
    settings: &Settings,
    trace: Option<SentryTrace>,
    parent: Option<&Parent<'_>>,
    dsc: &impl KnownMembers,
) -> ContinueDecision {
    let Some(parent) = parent else {
        return ContinueDecision::NoTrace;
    };
    // Of a trace that a hop without sentry-trace passed on, or that was preferred to
    // sentry-trace's, only a DSC that names it says anything.
    let is_sentry_trace = trace.is_some_and(|trace| trace.trace_id() == parent.trace_id);
    if !is_sentry_trace && dsc.names_trace(parent.trace_id) != Some(true) {
        return ContinueDecision::NotASentryTrace;
    }
    let ours = settings.org_id.as_deref();
    // Nearly always they stand there alike, which needs no decoding.
    if ours.is_some() && ours == dsc.known(DscKey::OrgId) {
        return ContinueDecision::SameOrganization;
    }
    ContinueDecision::of(ours, dsc.org_id().as_deref(), settings.strict_trace_continuation)
}

/// The remote parent, before it is written down.
struct Parent<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
    /// Whether it is `traceparent` that says `sampled`, and not `sentry-trace`.
    by_traceparent: bool,
    trace_state: Cow<'a, TraceState>,
}

impl<'a> Parent<'a> {
    /// Which of two parents it is: sentry-trace's, whose span is in Sentry for certain, unless
    /// the other one is preferred. Of one trace the `tracestate` stays in any case.
    fn choose(
        settings: &Settings,
        trace: Option<SentryTrace>,
        remote: Option<&'a SpanContext>,
    ) -> Option<Self> {
        let w3c = remote.map(|remote| Parent {
            trace_id: remote.trace_id(),
            span_id: remote.span_id(),
            sampled: Some(remote.is_sampled()),
            by_traceparent: true,
            trace_state: Cow::Borrowed(remote.trace_state()),
        });
        let Some(trace) = trace else {
            return w3c;
        };
        match w3c {
            Some(w3c) if settings.prefer_traceparent => {
                let is_same = w3c.trace_id == trace.trace_id() && w3c.sampled == trace.sampled();
                Some(Parent { by_traceparent: !is_same, ..w3c })
            }
            Some(w3c) if w3c.trace_id == trace.trace_id() => Some(Parent {
                span_id: trace.span_id(),
                // What is not sampled in W3C's words may be undecided.
                sampled: trace.sampled().or(w3c.sampled.filter(|sampled| *sampled)),
                by_traceparent: trace.sampled().is_none(),
                ..w3c
            }),
            _ => Some(Parent {
                trace_id: trace.trace_id(),
                span_id: trace.span_id(),
                sampled: trace.sampled(),
                by_traceparent: false,
                trace_state: Cow::Owned(TraceState::NONE),
            }),
        }
    }

    fn into_span_context(self, settings: &Settings, dsc: &mut impl ToTraceState) -> SpanContext {
        let ot = self.settle(dsc);
        // A DSC that says the same is the decision of a Sentry service.
        let sampled = dsc.known(DscKey::Sampled);
        let agrees = |flag| sampled == Some(if flag { "true" } else { "false" });
        let decision = match self.sampled {
            None => Decision::Deferred,
            Some(sampled) if self.by_traceparent && !agrees(sampled) => Decision::Traceparent,
            Some(_) => Decision::Flag,
        };
        let mut origin = Origin::Continued;
        if dsc.is_empty() {
            origin = Origin::Withheld;
        } else if settings.targets.are_nowhere() {
            origin = Origin::Withheld;
            *dsc = dsc.sampling_facts();
        }
        let marks = Marks { origin, decision, verdict: Verdict::Unknown };
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::default().with_sampled(self.sampled == Some(true)),
            true,
            dsc.to_trace_state(&self.trace_state, marks, self.trace_id, ot),
        )
    }

    /// Makes flag, rate, `sample_rand` and OTel's fields say the same: fills in a `sample_rand`
    /// that is missing, and gives `th` and `rv` for the `ot` member.
    fn settle(&self, dsc: &mut impl ToTraceState) -> Ot {
        let fields = ot_fields(&self.trace_state);
        let randomness = fields.randomness_of(self.trace_id);
        let rate = dsc.sample_rate();
        let mut rand = dsc.sample_rand();
        if rand.is_none() && !dsc.is_empty() {
            rand = randomness.backfill(self.sampled, rate);
            if let Some(rand) = rand {
                dsc.set_text(DscKey::SampleRand, &rand.to_string());
            }
        }
        let held = fields
            .threshold()
            .filter(|threshold| self.sampled == Some(true) && randomness.is_sampled_at(*threshold));
        let rand = rand.filter(|rand| rand.agrees_with(self.sampled, rate));
        let added = rand
            .filter(|rand| held.is_none() && !randomness.implies(*rand, self.sampled, rate))
            .filter(|_| fields.randomness().is_none())
            .and_then(|rand| Randomness::from_sample_rand(rand, self.sampled, rate));
        let settled = added.unwrap_or(randomness);
        let threshold = held.or_else(|| {
            let threshold = Threshold::of(rate.filter(|_| self.sampled == Some(true))?);
            settled.is_sampled_at(threshold).then_some(threshold)
        });
        Ot::Set { threshold, added }
    }
}
