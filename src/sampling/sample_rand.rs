//! `sample_rand`: the value that decides whether a trace is sampled.

use std::fmt;

use crate::sampling::rate::parse_number;
use crate::sampling::trace_sampling::TraceSampling;

/// `sample_rand` has six digits.
pub(crate) const MICROS: u64 = 1_000_000;

/// The value that decides a trace, in `[0,1)`: sampled <=> `sample_rand` < rate.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct SampleRand(f64);

impl SampleRand {
    /// Reads an incoming one, with an exponent or any number of digits. 1 and above count as missing.
    pub(crate) fn parse_incoming(text: &str) -> Option<Self> {
        parse_number(text).filter(|rand| *rand < 1.0).map(SampleRand)
    }

    pub(crate) fn from_micros(micros: u64) -> Self {
        SampleRand(micros as f64 / MICROS as f64)
    }

    /// The first six digits. The product may be off by one either way; the quotient is exact.
    pub(crate) fn micros(self) -> u64 {
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

    /// Whether it can have led to this decision at this rate. An unknown one contradicts nothing.
    pub(crate) fn agrees_with(self, trace: TraceSampling) -> bool {
        match trace.decided_at() {
            Some((sampled, rate)) => self.is_sampled_at(rate) == sampled,
            None => true,
        }
    }
}

/// `0.` and six digits.
impl fmt::Display for SampleRand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{:06}", self.micros())
    }
}

/// J(rate): the least number of millionths that is not below the rate.
pub(crate) fn boundary(rate: f64) -> u64 {
    let micros = (rate * MICROS as f64) as u64;
    // The product may be rounded; the quotient is what a reader will compare.
    micros + u64::from(SampleRand::from_micros(micros).is_sampled_at(rate))
}
