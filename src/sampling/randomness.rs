//! A trace's randomness, and the threshold it is compared with.

use opentelemetry::trace::TraceId;

use crate::sampling::rate::SampleRate;
use crate::sampling::sample_rand::{boundary, SampleRand, MICROS};
use crate::sampling::trace_sampling::TraceSampling;

/// 2^56, the number of values that a trace's randomness takes.
const M: u64 = 1 << 56;

/// A trace's 56 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Randomness(u64);

impl Randomness {
    /// The low 56 bits of the trace id; above them UUIDv4 ids hold fixed bits.
    pub(crate) fn of(trace_id: TraceId) -> Self {
        let low = u128::from_be_bytes(trace_id.to_bytes()) as u64;
        Randomness(low & (M - 1))
    }

    /// An explicit value of OTel's `rv`, below 2^56.
    pub(crate) fn from_rv(rv: u64) -> Self {
        Randomness(rv & (M - 1))
    }

    pub(crate) fn as_rv(self) -> u64 {
        self.0
    }

    fn inverse(self) -> u64 {
        M - 1 - self.0
    }

    /// OTel's decision: R >= T.
    pub(crate) fn is_sampled_at(self, threshold: Threshold) -> bool {
        self.0 >= threshold.0
    }

    /// The `sample_rand` of a trace that this randomness decided, or that is undecided.
    pub(crate) fn sample_rand(self, trace: TraceSampling) -> SampleRand {
        SampleRand::from_micros(self.micros(trace))
    }

    fn micros(self, trace: TraceSampling) -> u64 {
        let micros = scale(self.inverse(), MICROS);
        match trace.decided_at() {
            Some((true, rate)) => micros.min(boundary(rate).saturating_sub(1)),
            Some((false, rate)) => micros.max(boundary(rate)),
            None => micros,
        }
    }

    /// A `sample_rand` for another service's decision, uniform over the values that may have led to it;
    /// `None` if no value can have.
    pub(crate) fn backfill(self, trace: TraceSampling) -> Option<SampleRand> {
        let (start, end) = match trace.decided_at() {
            Some((true, rate)) => (0, boundary(rate)),
            Some((false, rate)) => (boundary(rate), MICROS),
            None => (0, MICROS),
        };
        let width = end.saturating_sub(start);
        (width > 0).then(|| SampleRand::from_micros(start + scale(self.inverse(), width)))
    }

    /// The randomness that a `sample_rand` stands for: the inverse of [`Self::sample_rand`], in a trace
    /// with the threshold of its rate. `None` where the rate is too small to keep one of the 2^56
    /// values.
    pub(crate) fn from_sample_rand(
        rand: SampleRand,
        trace: TraceSampling,
        threshold: Option<Threshold>,
    ) -> Option<Self> {
        let inverse = (u128::from(rand.micros()) << 56).div_ceil(u128::from(MICROS)) as u64;
        let inverse = match (trace.sampled, threshold.map(Threshold::kept)) {
            (Some(true), Some(kept)) => inverse.min(kept.checked_sub(1)?),
            (Some(false), Some(kept)) => inverse.max(kept),
            _ => inverse,
        };
        Some(Randomness((M - 1).saturating_sub(inverse)))
    }

    /// Whether [`Self::sample_rand`] gives this `sample_rand`, to the six digits that count.
    pub(crate) fn implies(
        self,
        rand: SampleRand,
        trace: TraceSampling,
        threshold: Option<Threshold>,
    ) -> bool {
        // A decision that this randomness contradicts would pass the second check, since the cut to
        // its side of the rate hides the contradiction.
        let decides_so = match trace.sampled.zip(threshold) {
            Some((sampled, threshold)) => self.is_sampled_at(threshold) == sampled,
            None => true,
        };
        decides_so && self.micros(trace) == rand.micros()
    }
}

/// `value / 2^56 * width`, rounded down.
fn scale(value: u64, width: u64) -> u64 {
    ((u128::from(value) * u128::from(width)) >> 56) as u64
}

/// T: the least randomness that is sampled, in [0, 2^56]; 2^56 samples nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(u64);

impl Threshold {
    /// That of a rate in `[0,1]`.
    pub(crate) fn of(rate: f64) -> Self {
        // Scaling by a power of two is exact, and so is what follows; adding 0.5 to round would not be.
        let scaled = rate.clamp(0.0, 1.0) * M as f64;
        let whole = scaled as u64;
        Threshold(M - (whole + u64::from(scaled - whole as f64 >= 0.5)))
    }

    /// K: how many of the 2^56 values are sampled.
    fn kept(self) -> u64 {
        M - self.0
    }

    /// From the 56 bits of OTel's `th`.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Threshold(bits & (M - 1))
    }

    /// The 56 bits of OTel's `th`. Where nothing is sampled there is no `th`: it cannot say 2^56.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The rate it stands for; `None` if that is too small for a [`SampleRate`].
    pub(crate) fn rate(self) -> Option<SampleRate> {
        SampleRate::new(self.kept() as f64 / M as f64).ok()
    }
}
