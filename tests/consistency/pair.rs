//! A trace id and a rate, mostly near values at which the arithmetic could fail.

use opentelemetry::trace::TraceId;
use rand::rngs::StdRng;
use rand::Rng;

use crate::oracle::{boundary, threshold, M, MICROS};

/// Half of the pairs have one of these rates.
pub(crate) const RATES: [f64; 7] = [0.0, 1e-7, 1e-6, 0.1, 1.0 / 3.0, 0.999_999, 1.0];

/// A trace id, a rate, and the `sample_rand` of another Sentry SDK.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) trace_id: TraceId,
    pub(crate) randomness: u128,
    pub(crate) rate: f64,
    pub(crate) rate_text: String,
    pub(crate) rand: f64,
    pub(crate) rand_text: String,
}

impl Pair {
    pub(crate) fn draw(rng: &mut StdRng) -> Self {
        let rate = match rng.random_range(0..RATES.len() + 6) {
            place if place < RATES.len() => RATES[place],
            place if place % 3 == 0 => rng.random_range(0.0..1.0),
            place if place % 3 == 1 => 10_f64.powf(rng.random_range(-14.9..0.0)),
            // Six digits, and the adjacent floats.
            _ => {
                let digits: f64 = 10_f64.powf(rng.random_range(0.0..6.0)).floor() / 1e6;
                f64::from_bits(digits.to_bits() - 1 + rng.random_range(0..3))
            }
        };
        let near = |at: u128, rng: &mut StdRng| (at + rng.random_range(0..7)).saturating_sub(3);
        let at_the_boundary = (boundary(rate) + rng.random_range(0..3)).saturating_sub(1);
        let randomness = match rng.random_range(0..8) {
            0 => near(threshold(rate), rng),
            1 => near(M.saturating_sub(at_the_boundary * M / MICROS), rng),
            2 => near([0, M / 2, M][rng.random_range(0..3)], rng),
            _ => rng.random_range(0..M),
        };
        let randomness = randomness.min(M - 1);
        let last_micros = MICROS - 1;
        let rand = match rng.random_range(0..8) {
            0 => at_the_boundary.min(last_micros) as f64 / 1e6,
            1 => [0.0, last_micros as f64 / 1e6][rng.random_range(0..2)],
            // The value that our service derives from the trace id if no rate changes it.
            2 => ((M - 1 - randomness) * MICROS / M) as f64 / 1e6,
            3 => rng.random_range(0.0..1.0),
            // The floats adjacent to the rate.
            4 if rate > 0.0 && rate < 1.0 => {
                f64::from_bits(rate.to_bits() - 1 + rng.random_range(0..3))
            }
            _ => rng.random_range(0..MICROS) as f64 / 1e6,
        };
        let text = |number: f64, rng: &mut StdRng| match rng.random_bool(0.25) {
            true => format!("{number:e}"),
            false => number.to_string(),
        };
        Pair {
            trace_id: TraceId::from(rng.random_range(1..1_u128 << 72) << 56 | randomness),
            randomness,
            rate,
            rate_text: text(rate, rng),
            rand,
            rand_text: if rng.random() { format!("{rand:.6}") } else { text(rand, rng) },
        }
        .settled()
    }

    /// The numbers as parsed from the texts.
    fn settled(mut self) -> Self {
        self.rand = self.rand_text.parse().expect("a number");
        if self.rand >= 1.0 {
            self.rand_text = "0.999999".to_owned();
            self.rand = 0.999_999;
        }
        self
    }

    /// The rate as our setting. `sample_rand` cannot express rates between 0.999999 and 1, so they
    /// count as 1.
    pub(crate) fn local_rate(&self) -> f64 {
        if self.rate > 0.999_999 {
            1.0
        } else {
            self.rate
        }
    }

    pub(crate) fn trace_id_text(&self) -> String {
        self.trace_id.to_string()
    }
}
