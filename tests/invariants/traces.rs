//! Trace ids and rates: random ones, and those that sit on a threshold.

use opentelemetry::trace::TraceId;
use rand::rngs::StdRng;
use rand::Rng;

/// 2^56, the number of values that a trace's randomness takes.
pub(super) const M: u64 = 1 << 56;

pub(super) const RATES: [f64; 8] = [0.0, 1e-7, 1e-6, 0.1, 1.0 / 3.0, 0.999999, 0.9999999, 1.0];

/// One of [`RATES`], or any other: all over [0,1], near 0, near 1, with six digits or fewer.
pub(super) fn any_rate(rng: &mut StdRng) -> f64 {
    match rng.random_range(0..6) {
        0 | 1 => RATES[rng.random_range(0..RATES.len())],
        2 => rng.random(),
        3 => 10_f64.powf(-15.0 * rng.random::<f64>()),
        4 => 1.0 - 10_f64.powf(-9.0 * rng.random::<f64>()),
        _ => f64::from(rng.random_range(0..=1_000_000)) / 1e6,
    }
}

/// How many of the [`M`] values a rate keeps: the product is exact, so half up is what it says.
pub(super) fn kept(rate: f64) -> u64 {
    let exact = rate * M as f64;
    exact.trunc() as u64 + u64::from(exact.fract() >= 0.5)
}

/// A trace id of this randomness; the other bits are random, those of a UUIDv4 included.
pub(super) fn trace_id(rng: &mut StdRng, randomness: u64) -> TraceId {
    let above = rng.random::<u128>() << 56;
    TraceId::from(above | u128::from(randomness))
}

/// A randomness whose decision, or whose sixth digit, is about to change at this rate.
pub(super) fn on_the_edge(rng: &mut StdRng, rate: f64) -> u64 {
    let inverse = match rng.random_range(0..2) {
        0 => kept(rate),
        _ => {
            let micros = (rate * 1e6) as u128 + rng.random_range(0..=1);
            u64::try_from((micros << 56).div_ceil(1_000_000)).unwrap_or(M)
        }
    };
    let near = i128::from(inverse) + rng.random_range(-2..=2);
    let near = near.clamp(0, i128::from(M) - 1);
    M - 1 - near as u64
}

/// The randomness of a trace id.
pub(super) fn randomness(trace_id: TraceId) -> u64 {
    u128::from_be_bytes(trace_id.to_bytes()) as u64 & (M - 1)
}

/// `th` and `rv` of an `ot` member, as 56 bits.
pub(super) fn th_and_rv(ot: &str) -> (Option<u64>, Option<u64>) {
    let field = |key: &str| ot.split(';').find_map(|field| field.strip_prefix(key));
    let bits = |digits: &str| {
        assert!((1..=14).contains(&digits.len()), "{ot}");
        u64::from_str_radix(digits, 16).unwrap() << (4 * (14 - digits.len()))
    };
    (field("th:").map(bits), field("rv:").map(bits))
}

/// The number that a reader makes of a `sample_rand`: six digits behind `0.`.
#[track_caller]
pub(super) fn read_rand(text: &str) -> f64 {
    let digits = text.strip_prefix("0.").expect(text);
    assert!(digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
    text.parse().expect(text)
}
