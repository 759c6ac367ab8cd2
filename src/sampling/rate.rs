//! Sample rates.

use std::fmt;

/// The share of traces to keep, in `[0,1]`.
///
/// A rate above 0.999999 counts as 1, because `sample_rand` has six digits.
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
    /// No trace. This is a decision against each trace, not the absence of a decision.
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
            return Err(InvalidSampleRate("invalid sample rate: not a number from 0 to 1"));
        }
        if rate == 0.0 {
            return Ok(Self::ZERO);
        }
        if rate < 1e-15 {
            return Err(InvalidSampleRate("invalid sample rate: neither 0 nor at least 1e-15"));
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

/// Why a number is not a [`SampleRate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSampleRate(&'static str);

impl fmt::Display for InvalidSampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidSampleRate {}

/// A finite number that is not negative: no sign, no `inf`, no `nan`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|number: &f64| starts_like_one && number.is_finite())
}
