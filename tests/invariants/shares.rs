//! 100,000 heads at each rate: the sampled share equals the rate for any trace id generator.

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SamplingDecision;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::heads::{head, sentry};

const HEADS: u32 = 100_000;

#[track_caller]
fn shares(next_id: impl Fn(&mut StdRng) -> u128) {
    let sampler = sentry().sampler();
    let mut rng = StdRng::seed_from_u64(56);
    for rate in [0.01, 0.1, 0.3, 0.5, 0.99] {
        let sampled = (0..HEADS)
            .filter(|_| {
                let result = head(&sampler, TraceId::from(next_id(&mut rng)), rate);
                result.decision == SamplingDecision::RecordAndSample
            })
            .count();
        let (n, sampled) = (f64::from(HEADS), sampled as f64);
        let sigma = (n * rate * (1.0 - rate)).sqrt();
        let off = (sampled - n * rate) / sigma;
        assert!(off.abs() < 4.0, "rate {rate}: {sampled} of {n}, {off} sigma");
    }
}

#[test]
fn of_random_trace_ids() {
    shares(|rng| rng.random());
}

/// Sentry's SDKs fix version and variant. Both are above the low 56 bits.
#[test]
fn of_uuid_v4_trace_ids() {
    let (version, variant) = (0xf << 76, 0b11 << 62);
    shares(|rng| (rng.random::<u128>() & !(version | variant)) | 4 << 76 | 0b10 << 62);
}
