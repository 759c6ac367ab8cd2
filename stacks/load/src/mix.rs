//! Requests of every kind, each with its own trace, generated from a number and a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sampled,
    NotSampled,
    Deferred,
    /// More than 8 kilobytes of baggage, with Sentry's members first.
    Huge,
    /// Each header twice, the second time with another trace.
    Duplicated,
    Malformed,
    Foreign,
    Absent,
}

const KINDS: [Kind; 8] = [
    Kind::Sampled,
    Kind::NotSampled,
    Kind::Deferred,
    Kind::Huge,
    Kind::Duplicated,
    Kind::Malformed,
    Kind::Foreign,
    Kind::Absent,
];

pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) trace_id: String,
    span_id: String,
    other_trace_id: String,
    /// A release that is unique to this request.
    pub(crate) release: String,
    malformed: usize,
}

impl Request {
    pub(crate) fn new(number: u64, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9).wrapping_add(number));
        let mut trace_id = || format!("{:016x}{:016x}", random.random::<u64>() | 1, number);
        let (own, other) = (trace_id(), trace_id());
        Request {
            kind: KINDS[random.random_range(0..KINDS.len())],
            trace_id: own,
            // The number is in the lower half. The other trace differs in the upper half.
            other_trace_id: other,
            span_id: format!("{:016x}", random.random::<u64>() | 1),
            release: format!("r{number}"),
            malformed: random.random_range(0..5),
        }
    }

    fn sentry_trace(&self, flag: &str) -> (&'static str, String) {
        ("sentry-trace", format!("{}-{}{flag}", self.trace_id, self.span_id))
    }

    fn baggage(&self, org_id: u32) -> String {
        format!(
            "tenant=7,sentry-trace_id={},sentry-release={},sentry-org_id={org_id}",
            self.trace_id, self.release
        )
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let baggage = |org_id| ("baggage", self.baggage(org_id));
        match self.kind {
            Kind::Sampled => vec![self.sentry_trace("-1"), baggage(42)],
            Kind::NotSampled => vec![self.sentry_trace("-0"), baggage(42)],
            Kind::Deferred => vec![self.sentry_trace(""), baggage(42)],
            Kind::Huge => {
                let others = (0..90).map(|i| format!(",k{i}={}", "v".repeat(100)));
                let list = self.baggage(42) + &others.collect::<String>();
                vec![self.sentry_trace("-1"), ("baggage", list)]
            }
            Kind::Duplicated => vec![
                self.sentry_trace("-1"),
                ("sentry-trace", format!("{}-{}-0", self.other_trace_id, self.span_id)),
                ("baggage", "tenant=8".to_owned()),
                baggage(42),
            ],
            Kind::Malformed => {
                let trace = [
                    self.trace_id.clone(),
                    format!("{}-{}-2", self.trace_id, self.span_id),
                    format!("{}-{}", "0".repeat(32), self.span_id),
                    format!("{}_{}", self.trace_id, self.span_id),
                    "x".repeat(9000),
                ];
                vec![("sentry-trace", trace[self.malformed].clone()), baggage(42)]
            }
            Kind::Foreign => vec![self.sentry_trace("-1"), baggage(7)],
            Kind::Absent => Vec::new(),
        }
    }
}
