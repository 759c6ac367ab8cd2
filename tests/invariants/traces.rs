//! Random trace ids and rates, and those at a threshold.

use opentelemetry::trace::TraceId;
use rand::rngs::StdRng;
use rand::Rng;

/// 2^56, the number of values of a trace's randomness.
pub(super) const M: u64 = 1 << 56;

pub(super) const RATES: [f64; 8] = [0.0, 1e-7, 1e-6, 0.1, 1.0 / 3.0, 0.999999, 0.9999999, 1.0];

/// One of [`RATES`], or any other: in [0,1], near 0, near 1, or with at most six digits.
pub(super) fn any_rate(rng: &mut StdRng) -> f64 {
    match rng.random_range(0..6) {
        0 | 1 => RATES[rng.random_range(0..RATES.len())],
        2 => rng.random(),
        3 => 10_f64.powf(-15.0 * rng.random::<f64>()),
        4 => 1.0 - 10_f64.powf(-9.0 * rng.random::<f64>()),
        _ => f64::from(rng.random_range(0..=1_000_000)) / 1e6,
    }
}

/// The number of the [`M`] values that a rate keeps. The product is exact, so it rounds half up.
pub(super) fn kept(rate: f64) -> u64 {
    let exact = rate * M as f64;
    exact.trunc() as u64 + u64::from(exact.fract() >= 0.5)
}

/// A trace id with this randomness. The other bits are random, including those of a UUIDv4.
pub(super) fn trace_id(rng: &mut StdRng, randomness: u64) -> TraceId {
    let above = rng.random::<u128>() << 56;
    TraceId::from(above | u128::from(randomness))
}

/// A randomness next to a change of the decision, or of the sixth digit, at this rate.
pub(super) fn near_threshold(rng: &mut StdRng, rate: f64) -> u64 {
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

/// `th` and `rv` of an `ot` member as 56-bit numbers.
pub(super) fn th_and_rv(ot: &str) -> (Option<u64>, Option<u64>) {
    let field = |key: &str| ot.split(';').find_map(|field| field.strip_prefix(key));
    let bits = |digits: &str| {
        assert!((1..=14).contains(&digits.len()), "{ot}");
        u64::from_str_radix(digits, 16).unwrap() << (4 * (14 - digits.len()))
    };
    (field("th:").map(bits), field("rv:").map(bits))
}

/// The number that a reader gets from a `sample_rand`: `0.` and six digits.
#[track_caller]
pub(super) fn read_rand(text: &str) -> f64 {
    let digits = text.strip_prefix("0.").expect(text);
    assert!(digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
    text.parse().expect(text)
}
