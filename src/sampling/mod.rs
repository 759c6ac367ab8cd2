//! Sampling arithmetic: rates, thresholds and `sample_rand`. Pure numbers, no headers.
//!
//! A trace's randomness R is 56 bits wide, as in OTel's probability sampling. With M = 2^56 and
//! X = M-1-R, a rate keeps K = round(rate * M) of the M values: sampled <=> R >= M-K <=> X < K.
//! `sample_rand` is X/M cut to six digits, and moved to the decision's side of the rate where the
//! cut lost that.

use std::fmt;

use opentelemetry::trace::TraceId;

/// 2^56, the number of values that a trace's randomness takes.
const M: u64 = 1 << 56;

/// `sample_rand` has six digits.
const MICROS: u64 = 1_000_000;

/// The share of traces to keep, in `[0,1]`.
///
/// A rate above 0.999999 is 1 (`sample_rand`, with its six digits, could not express the rest).
///
/// ```
/// use opentelemetry_sentry::SampleRate;
///
/// assert_eq!(SampleRate::new(0.2)?.to_string(), "0.2");
/// assert_eq!(SampleRate::new(0.9999999)?.get(), 1.0);
/// assert!(SampleRate::new(1.5).is_err());
/// # Ok::<(), opentelemetry_sentry::InvalidSampleRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct SampleRate(f64);

impl SampleRate {
    /// No trace at all: a negative decision for each, not the absence of one.
    pub const ZERO: SampleRate = SampleRate(0.0);

    /// Every trace.
    pub const ONE: SampleRate = SampleRate(1.0);

    /// A rate from a number in `[0,1]`.
    ///
    /// # Errors
    ///
    /// - `NaN`, `-0.1`, `1.5` - not a number in `[0,1]`
    /// - `1e-16` - neither 0 nor at least 1e-15
    pub fn new(rate: f64) -> Result<Self, InvalidSampleRate> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(InvalidSampleRate(ErrorKind::OutOfRange));
        }
        if rate == 0.0 {
            return Ok(Self::ZERO);
        }
        if rate < 1e-15 {
            return Err(InvalidSampleRate(ErrorKind::TooSmall));
        }
        Ok(if rate > 0.999_999 { Self::ONE } else { SampleRate(rate) })
    }

    /// The rate, in `[0,1]`.
    pub fn get(self) -> f64 {
        self.0
    }

    /// An incoming `sample_rate`: any number in `[0,1]`.
    pub(crate) fn parse_incoming(text: &str) -> Option<f64> {
        parse_number(text).filter(|rate| *rate <= 1.0)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a number is no [`SampleRate`].
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidSampleRate(ErrorKind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum ErrorKind {
    OutOfRange,
    TooSmall,
}

impl fmt::Display for InvalidSampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            ErrorKind::OutOfRange => "invalid sample rate: not a number from 0 to 1",
            ErrorKind::TooSmall => "invalid sample rate: neither 0 nor at least 1e-15",
        })
    }
}

impl fmt::Debug for InvalidSampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvalidSampleRate({:?})", self.to_string())
    }
}

impl std::error::Error for InvalidSampleRate {}

/// A finite number that is not negative; `inf`, `nan` and signs are none.
fn parse_number(text: &str) -> Option<f64> {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|number: &f64| starts_like_one && number.is_finite())
}

/// The value that decides over a trace, in `[0,1)`: sampled <=> `sample_rand` < rate.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct SampleRand(f64);

impl SampleRand {
    /// An incoming one: exponents and any number of digits are read; 1 and above is none.
    pub(crate) fn parse_incoming(text: &str) -> Option<Self> {
        parse_number(text).filter(|rand| *rand < 1.0).map(SampleRand)
    }

    fn from_micros(micros: u64) -> Self {
        SampleRand(micros as f64 / MICROS as f64)
    }

    /// The first six digits. The product may be off by one either way; the quotient is exact.
    fn micros(self) -> u64 {
        let mut micros = (self.0 * MICROS as f64) as u64;
        if SampleRand::from_micros(micros) > self {
            micros -= 1;
        } else if SampleRand::from_micros(micros + 1) <= self {
            micros += 1;
        }
        micros
    }

    /// The decision at a rate.
    pub(crate) fn is_sampled_at(self, rate: f64) -> bool {
        self.0 < rate
    }

    /// Whether it can have led to this decision; what is not known contradicts nothing.
    pub(crate) fn agrees_with(self, sampled: Option<bool>, rate: Option<f64>) -> bool {
        match (sampled, rate) {
            (Some(sampled), Some(rate)) => self.is_sampled_at(rate) == sampled,
            _ => true,
        }
    }
}

/// `0.` and six digits.
impl fmt::Display for SampleRand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{:06}", self.micros())
    }
}

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

    /// The `sample_rand` of a trace whose decision was taken by this randomness, or is deferred.
    pub(crate) fn sample_rand(self, sampled: Option<bool>, rate: Option<f64>) -> SampleRand {
        SampleRand::from_micros(self.micros(sampled, rate))
    }

    fn micros(self, sampled: Option<bool>, rate: Option<f64>) -> u64 {
        let micros = scale(self.inverse(), MICROS);
        match (sampled, rate) {
            (Some(true), Some(rate)) => micros.min(boundary(rate).saturating_sub(1)),
            (Some(false), Some(rate)) => micros.max(boundary(rate)),
            _ => micros,
        }
    }

    /// A `sample_rand` for a decision that somebody else took, uniform over what may have led to
    /// it; `None` where nothing can have.
    pub(crate) fn backfill(self, sampled: Option<bool>, rate: Option<f64>) -> Option<SampleRand> {
        let (start, end) = match (sampled, rate) {
            (Some(true), Some(rate)) => (0, boundary(rate)),
            (Some(false), Some(rate)) => (boundary(rate), MICROS),
            _ => (0, MICROS),
        };
        let width = end.checked_sub(start).filter(|width| *width > 0)?;
        Some(SampleRand::from_micros(start + scale(self.inverse(), width)))
    }

    /// The randomness that a `sample_rand` stands for: the inverse of [`Self::sample_rand`].
    /// `None` where the rate is too small to keep one of the 2^56 values.
    pub(crate) fn from_sample_rand(
        rand: SampleRand,
        sampled: Option<bool>,
        rate: Option<f64>,
    ) -> Option<Self> {
        // ceil(micros * 2^56 / 10^6) in 64 bits: 10^6 is 2^6 * 15625.
        let (whole, rest) = (rand.micros() / 15_625, rand.micros() % 15_625);
        let inverse = (whole << 50) + (rest << 50).div_ceil(15_625);
        let kept = rate.map(kept);
        let inverse = match (sampled, kept) {
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
        sampled: Option<bool>,
        rate: Option<f64>,
    ) -> bool {
        // A decision that this randomness contradicts would otherwise pass, as the cut to its side
        // of the rate hides that.
        let decided = match (sampled, rate) {
            (Some(sampled), Some(rate)) => self.is_sampled_at(Threshold::of(rate)) == sampled,
            _ => true,
        };
        decided && self.micros(sampled, rate) == rand.micros()
    }
}

/// `value / 2^56 * width`, rounded down.
fn scale(value: u64, width: u64) -> u64 {
    ((u128::from(value) * u128::from(width)) >> 56) as u64
}

/// J(rate): the least number of millionths that is not below the rate.
fn boundary(rate: f64) -> u64 {
    let micros = (rate * MICROS as f64) as u64;
    // The product may be rounded; the quotient is what a reader will compare.
    micros + u64::from(SampleRand::from_micros(micros).is_sampled_at(rate))
}

/// K(rate): how many of the M values are sampled.
fn kept(rate: f64) -> u64 {
    // Scaling by a power of two is exact, and so is what follows; adding 0.5 to round would not be.
    let scaled = rate.clamp(0.0, 1.0) * M as f64;
    let whole = scaled as u64;
    whole + u64::from(scaled - whole as f64 >= 0.5)
}

/// T: the least randomness that is sampled, in [0, 2^56]; 2^56 samples nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(u64);

impl Threshold {
    pub(crate) fn of(rate: f64) -> Self {
        Threshold(M - kept(rate))
    }

    /// From the 56 bits of OTel's `th`.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Threshold(bits & (M - 1))
    }

    /// The 56 bits of OTel's `th`; `None` where nothing is sampled, which `th` cannot say.
    pub(crate) fn bits(self) -> Option<u64> {
        (self.0 < M).then_some(self.0)
    }

    /// The rate it stands for; `None` where that is too small for one.
    pub(crate) fn rate(self) -> Option<SampleRate> {
        SampleRate::new((M - self.0) as f64 / M as f64).ok()
    }
}
