//! A trace's decision and rate.

/// A decision and its rate, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TraceSampling {
    /// `None` while the trace is undecided.
    pub(crate) sampled: Option<bool>,
    /// In `[0,1]`.
    pub(crate) rate: Option<f64>,
}

impl TraceSampling {
    pub(crate) fn new(sampled: Option<bool>, rate: Option<f64>) -> Self {
        TraceSampling { sampled, rate }
    }

    /// Both, if both are known: only then can a `sample_rand` contradict them.
    pub(crate) fn decided_at(self) -> Option<(bool, f64)> {
        self.sampled.zip(self.rate)
    }
}
