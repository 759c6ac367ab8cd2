//! A million heads: the sampler's trace state and the propagator's headers.

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use opentelemetry_sentry::{Sentry, SentryPropagator, SentrySampler};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::traces::{
    any_rate, kept, near_threshold, randomness, read_rand, th_and_rv, trace_id, M, RATES,
};
use crate::common::{dsc_value, flag, inject, DSN};

/// A sampler that uses the span's first attribute as its rate.
pub(super) fn sentry() -> Sentry {
    let sampler = Sentry::builder().dsn(DSN).traces_sampler(|ctx| match ctx.attributes() {
        [KeyValue { value: Value::F64(rate), .. }] => *rate,
        _ => f64::NAN,
    });
    sampler.build().unwrap()
}

pub(super) fn head(sampler: &SentrySampler, trace_id: TraceId, rate: f64) -> SamplingResult {
    let rate = [KeyValue::new("rate", rate)];
    sampler.should_sample(None, trace_id, "/", &SpanKind::Server, &rate, &[])
}

/// `sample_rate` and `sample_rand` in the member's notation: `h..;r0.2;n0.785811`.
fn facts(member: &str) -> (&str, &str) {
    member
        .strip_prefix("h..;r")
        .and_then(|rest| rest.split_once(";n"))
        .unwrap_or_else(|| panic!("{member}"))
}

#[track_caller]
fn check(sampler: &SentrySampler, trace_id: TraceId, rate: f64) -> SamplingResult {
    let result = head(sampler, trace_id, rate);
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let state = &result.trace_state;
    let (rate_text, rand_text) = facts(state.get("sentry").unwrap());
    let told_rate: f64 = rate_text.parse().expect(rate_text);
    let rand = read_rand(rand_text);
    assert_eq!(rand < told_rate, sampled, "{trace_id} at {rate}: {rand} < {told_rate}");

    let rate = if rate > 0.999999 { 1.0 } else { rate };
    assert_eq!(told_rate, rate, "{trace_id}");
    let threshold = M - kept(rate);
    let own = randomness(trace_id);
    assert_eq!(sampled, own >= threshold, "{trace_id} at {rate}");
    match state.get("ot").map(th_and_rv) {
        None => assert!(!sampled, "{trace_id} at {rate}: no th"),
        Some(fields) => assert_eq!(fields, (Some(threshold), None), "{trace_id} at {rate}"),
    }
    // If truncation to six digits changes nothing, it is the trace's own value.
    let micros = (u128::from(M - 1 - own) * 1_000_000) >> 56;
    let off = (rand - micros as f64 / 1e6).abs();
    assert!(off < 1.5e-6, "{trace_id} at {rate}: {rand}, {micros}");
    result
}

fn headers_agree(
    propagator: &SentryPropagator,
    trace_id: TraceId,
    rate: f64,
    result: SamplingResult,
) {
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let flags = TraceFlags::default().with_sampled(sampled);
    let span =
        SpanContext::new(trace_id, SpanId::from(7), flags, false, result.trace_state.clone());
    let sent = inject(propagator, &Context::new().with_remote_span_context(span));
    let rate_text = dsc_value(&sent, "sample_rate").unwrap();
    let rand = read_rand(dsc_value(&sent, "sample_rand").unwrap());
    assert_eq!(rand < rate_text.parse().unwrap(), sampled, "{trace_id} at {rate}: {sent:?}");
    assert_eq!(flag(&sent), Some(if sampled { "1" } else { "0" }), "{trace_id} at {rate}");
    assert_eq!(dsc_value(&sent, "sampled"), Some(&*sampled.to_string()));
}

/// The pairs of one of the two threads. Every 50th also goes through the propagator.
fn half_a_million(seed: u64) {
    let sentry = sentry();
    let (sampler, propagator) = (sentry.sampler(), sentry.propagator());
    let mut rng = StdRng::seed_from_u64(seed);
    for n in 0..500_000 {
        let rate = any_rate(&mut rng);
        let own = if n % 2 == 0 { rng.random_range(0..M) } else { near_threshold(&mut rng, rate) };
        let trace_id = trace_id(&mut rng, own);
        let result = check(&sampler, trace_id, rate);
        if n % 50 < 2 {
            headers_agree(&propagator, trace_id, rate, result);
        }
    }
}

#[test]
fn half_a_million_pairs() {
    half_a_million(1);
}

#[test]
fn another_half_million_pairs() {
    half_a_million(2);
}

/// The randomness at both ends of the range and around every threshold.
#[test]
fn the_edges() {
    let sampler = sentry().sampler();
    let mut rng = StdRng::seed_from_u64(3);
    for rate in RATES {
        let threshold = i128::from(M - kept(rate));
        let around = (threshold - 2..=threshold + 2).filter(|r| (0..i128::from(M)).contains(r));
        let ends = [0, 1, i128::from(M) - 2, i128::from(M) - 1];
        for own in around.chain(ends) {
            check(&sampler, trace_id(&mut rng, own as u64), rate);
        }
    }
}
