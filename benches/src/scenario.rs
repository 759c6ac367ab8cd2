//! The rows of the table and their bounds.

use Bound::{AtMost, Times};
use Input::*;
use Propagator::*;
use Step::*;

use crate::input::Input;

/// One operation on one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Extract,
    Inject,
    /// Inject below a span that starts its trace here.
    InjectHead,
    /// Inject with two members of the user's own baggage.
    InjectUserBaggage,
    /// Inject with this crate's carrier, into a request without `baggage`.
    InjectMerging,
    /// Inject for a request outside the targets.
    InjectDenied,
    /// Extract, a child span under the stock parent-based sampler, `with_span`, inject.
    Full,
    /// The start of a service's first span, below the extracted one, and its end.
    FirstSpan,
    /// The start of a child span, and its end.
    Span,
    /// The same for a CLIENT span with its URL.
    ClientSpan,
}

/// The propagator that runs the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Propagator {
    Sentry,
    /// `wrap` around the stock propagators.
    Wrapped,
    /// `wrap` around the stock TraceContext.
    WrappedTraceContext,
    /// The stock [TraceContext, Baggage].
    Stock,
    /// The stock TraceContext alone.
    TraceContext,
    SentryOpentelemetry,
    /// One pass, verbatim, in a `Context` value.
    Floor,
}

/// The bound of a row.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// Instructions, allocations, reallocations.
    AtMost(u64, u64, u64),
    /// Instructions only.
    Instructions(u64),
    /// This many times the sum of the other rows, for the same step and request.
    Times(f64, &'static [Propagator]),
    /// The same, and exactly as many allocations.
    TimesEqual(f64, &'static [Propagator]),
    /// This many times the cost of another request with the same propagator.
    TimesInput(f64, Input),
    /// Linear in the bytes: at most this many times the cost of another request.
    Linear(u64, Input),
}

#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub step: Step,
    pub input: Input,
    pub propagator: Propagator,
    pub bound: Option<Bound>,
}

const fn row(step: Step, input: Input, propagator: Propagator) -> Scenario {
    Scenario { step, input, propagator, bound: None }
}

const fn bound(step: Step, input: Input, propagator: Propagator, bound: Bound) -> Scenario {
    Scenario { step, input, propagator, bound: Some(bound) }
}

pub const SCENARIOS: &[Scenario] = &[
    bound(Extract, Absent, Sentry, AtMost(500, 0, 0)),
    row(Extract, Absent, Stock),
    bound(Extract, AbsentHashMap, Sentry, AtMost(750, 1, 0)),
    row(Extract, AbsentHashMap, Stock),
    bound(Extract, Sampled, Sentry, AtMost(8_500, 7, 0)),
    bound(Extract, Sampled, Wrapped, Times(0.65, &[Stock])),
    row(Extract, Sampled, Stock),
    row(Extract, Sampled, TraceContext),
    row(Extract, Sampled, SentryOpentelemetry),
    row(Extract, Sampled, Floor),
    bound(Extract, NoRate, Sentry, AtMost(6_850, 5, 0)),
    row(Extract, NoRate, Stock),
    bound(Extract, Unsampled, Sentry, AtMost(7_450, 5, 0)),
    row(Extract, Unsampled, Stock),
    bound(Extract, Sampled, WrappedTraceContext, Times(1.15, &[TraceContext, Sentry])),
    bound(Extract, Spaced, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, Spaced, Stock),
    bound(Extract, Property, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, Property, Stock),
    bound(Extract, UnknownKey, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, UnknownKey, Stock),
    bound(Extract, Twice, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, Twice, Stock),
    bound(Extract, TwoLines, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, TwoLines, Stock),
    bound(Extract, Encode, Sentry, Bound::TimesInput(1.20, Sampled)),
    row(Extract, Encode, Stock),
    row(Extract, Deferred, Sentry),
    row(Extract, Deferred, Stock),
    bound(Extract, Long, Sentry, AtMost(8_800, 5, 0)),
    row(Extract, Long, Stock),
    bound(Extract, HostileLong, Sentry, Bound::Instructions(250_000)),
    row(Extract, HostileLong, Stock),
    bound(Extract, HostileShort, Sentry, Bound::Instructions(250_000)),
    row(Extract, HostileShort, Stock),
    bound(Extract, HostileEncoded, Sentry, Bound::Instructions(250_000)),
    row(Extract, HostileEncoded, Stock),
    row(Extract, Foreign(1), Sentry),
    row(Extract, Foreign(1), Stock),
    bound(Extract, Foreign(4), Sentry, Bound::Linear(4, Foreign(1))),
    row(Extract, Foreign(4), Stock),
    bound(Extract, Foreign(16), Sentry, Bound::Linear(16, Foreign(1))),
    row(Extract, Foreign(16), Stock),
    bound(Extract, Foreign(64), Sentry, Bound::Linear(64, Foreign(1))),
    row(Extract, Foreign(64), Stock),
    row(Extract, Unknown(1), Sentry),
    row(Extract, Unknown(1), Stock),
    bound(Extract, Unknown(4), Sentry, Bound::Linear(4, Unknown(1))),
    row(Extract, Unknown(4), Stock),
    bound(Extract, Unknown(16), Sentry, Bound::Linear(16, Unknown(1))),
    row(Extract, Unknown(16), Stock),
    bound(Extract, Unknown(64), Sentry, Bound::Linear(64, Unknown(1))),
    row(Extract, Unknown(64), Stock),
    bound(Inject, Sampled, Sentry, AtMost(4_950, 6, 0)),
    bound(Inject, Sampled, Wrapped, Times(0.80, &[Stock])),
    bound(Inject, Sampled, WrappedTraceContext, Times(1.35, &[TraceContext, Sentry])),
    row(Inject, Sampled, Stock),
    row(Inject, Sampled, TraceContext),
    row(Inject, Sampled, SentryOpentelemetry),
    row(Inject, Sampled, Floor),
    bound(Inject, NoRate, Sentry, AtMost(4_950, 6, 0)),
    row(Inject, NoRate, Stock),
    bound(Inject, Unsampled, Sentry, AtMost(4_950, 6, 0)),
    row(Inject, Unsampled, Stock),
    row(Inject, Deferred, Sentry),
    row(Inject, Deferred, Stock),
    bound(Inject, Long, Sentry, Bound::Instructions(5_700)),
    row(Inject, Long, Stock),
    bound(InjectHead, Absent, Sentry, AtMost(3_900, 6, 0)),
    row(InjectHead, Absent, Stock),
    bound(InjectUserBaggage, Sampled, Sentry, Bound::Instructions(6_050)),
    row(InjectUserBaggage, Sampled, Stock),
    row(InjectMerging, Sampled, Sentry),
    row(InjectMerging, Sampled, Stock),
    bound(InjectDenied, Sampled, Sentry, AtMost(300, 0, 0)),
    row(InjectDenied, Sampled, Stock),
    bound(Full, Sampled, Sentry, AtMost(17_800, 25, 0)),
    bound(Full, Sampled, Wrapped, Times(0.65, &[Stock])),
    bound(Full, Sampled, WrappedTraceContext, Times(1.20, &[TraceContext, Sentry])),
    row(Full, Sampled, Stock),
    row(Full, Sampled, TraceContext),
    row(Full, Sampled, SentryOpentelemetry),
    row(Full, Sampled, Floor),
    bound(Full, NoRate, Sentry, AtMost(14_450, 19, 0)),
    row(Full, NoRate, Stock),
    bound(FirstSpan, Sampled, Sentry, AtMost(3_200, 5, 0)),
    row(FirstSpan, Sampled, Stock),
    bound(Span, Sampled, Sentry, Bound::TimesEqual(1.05, &[Stock])),
    row(Span, Sampled, Stock),
    row(Span, Sampled, TraceContext),
    bound(Span, NoRate, Sentry, Bound::TimesEqual(1.05, &[Stock])),
    row(Span, NoRate, Stock),
    bound(ClientSpan, Sampled, Sentry, Bound::TimesEqual(1.12, &[Stock])),
    row(ClientSpan, Sampled, Stock),
    bound(ClientSpan, NoRate, Sentry, Bound::TimesEqual(1.12, &[Stock])),
    row(ClientSpan, NoRate, Stock),
];

impl Scenario {
    /// The step and the request.
    pub fn name(&self) -> String {
        let input = self.input.name();
        match self.step {
            Extract => format!("extract, {input}"),
            Inject => format!("inject, {input}"),
            InjectHead => "inject, head".into(),
            InjectUserBaggage => "inject, user baggage".into(),
            InjectMerging => "inject, merging".into(),
            InjectDenied => "inject, denied".into(),
            Full => format!("full, {input}"),
            FirstSpan => format!("first span, {input}"),
            Span => format!("child span, {input}"),
            ClientSpan => format!("child span, client, {input}"),
        }
    }

    /// The propagator; for spans, the sampler.
    pub fn by(&self) -> &'static str {
        match (self.step, self.propagator) {
            (FirstSpan | Span | ClientSpan, Sentry) => "SentrySampler",
            (FirstSpan | Span | ClientSpan, Stock) => "parent-based",
            (FirstSpan | Span | ClientSpan, _) => "parent-based, no state",
            (_, Sentry) => "sentry",
            (_, Wrapped) => "wrap",
            (_, WrappedTraceContext) => "wrap(TraceContext)",
            (_, Stock) => "[TraceContext, Baggage]",
            (_, TraceContext) => "TraceContext",
            (_, SentryOpentelemetry) => "sentry-opentelemetry",
            (_, Propagator::Floor) => "floor, no TraceState",
        }
    }

    /// The row of another propagator for the same step and request.
    pub fn of(&self, propagator: Propagator) -> Self {
        Self { propagator, bound: None, ..*self }
    }

    /// The rows with which this one is compared.
    pub fn needs(&self) -> Vec<Self> {
        let mut needs = vec![self.of(Stock)];
        match self.bound {
            Some(Times(_, by) | Bound::TimesEqual(_, by)) => {
                needs.extend(by.iter().map(|by| self.of(*by)));
            }
            Some(Bound::Linear(_, input) | Bound::TimesInput(_, input)) => {
                let base = Self { input, bound: None, ..*self };
                needs.extend([base, base.of(Stock)]);
            }
            Some(AtMost(..) | Bound::Instructions(_)) | None => {}
        }
        needs
    }

    pub fn is(&self, other: &Self) -> bool {
        (self.step, self.input, self.propagator) == (other.step, other.input, other.propagator)
    }
}
