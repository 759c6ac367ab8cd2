//! `TraceIdRatioBased` must not decide Sentry traces: it reads bits that are not random.

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use opentelemetry_sentry::Sentry;

const TRACES: u64 = 20_000;

/// Trace ids like those of Sentry's SDKs: UUIDs of version 4, in a fixed sequence.
fn uuid_v4(number: u64) -> TraceId {
    let bits = u128::from(splitmix(2 * number)) << 64 | u128::from(splitmix(2 * number + 1));
    let version = bits & !(0xf << 76) | 0x4 << 76;
    let variant = version & !(0x3 << 62) | 0x2 << 62;
    TraceId::from(variant)
}

/// SplitMix64.
fn splitmix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The percentage of these traces that a sampler samples.
fn share(sampler: &dyn ShouldSample) -> f64 {
    let sampled = (0..TRACES).filter(|number| {
        let id = uuid_v4(*number);
        let result = sampler.should_sample(None, id, "checkout", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    });
    sampled.count() as f64 * 100.0 / TRACES as f64
}

#[test]
fn uuids_are_version_4() {
    for number in 0..1000 {
        let id = uuid_v4(number).to_string();
        let (version, variant) = (id.as_bytes()[12], id.as_bytes()[16]);
        assert_eq!(version, b'4', "{id}");
        assert!(b"89ab".contains(&variant), "{id}");
    }
}

#[test]
fn the_ratio_sampler_of_the_sdk_is_wrong_for_uuids() {
    let page = include_str!("../../docs/composition_matrix.md");
    for (rate, sampled) in [(0.1, 0.0), (0.25, 0.0), (0.5, 0.0), (0.75, 100.0), (0.9, 100.0)] {
        assert_eq!(share(&Sampler::TraceIdRatioBased(rate)), sampled, "rate {rate}");
        let row = format!("| {rate} | {sampled} % | {} % |", 100.0 * rate);
        assert!(page.contains(&row), "docs/composition_matrix.md lacks {row}");
    }
}

#[test]
fn our_sampler_samples_the_configured_share() {
    for rate in [0.1, 0.25, 0.5, 0.75, 0.9] {
        let sentry = Sentry::builder().traces_sample_rate(rate).build().expect("settings");
        let share = share(&sentry.sampler());
        // Five standard deviations for this many trials.
        let off = 500.0 * (rate * (1.0 - rate) / TRACES as f64).sqrt();
        assert!((share - 100.0 * rate).abs() < off, "rate {rate}: {share} %");
    }
}
