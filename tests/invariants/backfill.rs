//! Traces of a head that sent no `sample_rand` or a contradictory one: our value agrees with its
//! flag.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sentry::{Sentry, SentryPropagator};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::traces::{
    any_rate, kept, near_threshold, randomness, read_rand, th_and_rv, trace_id, M,
};
use crate::common::service::Service;
use crate::common::{dsc_value, flag, headers, inject, Headers, DSN};

/// One decided trace as a head without `sample_rand` sends it.
fn decided(rng: &mut StdRng, more: &str) -> (f64, bool, Headers) {
    let rate = any_rate(rng);
    let own = if rng.random() { rng.random_range(0..M) } else { near_threshold(rng, rate) };
    let sampled = rng.random();
    let flag = u8::from(sampled);
    let trace = format!("{}-7dd6b3a1fb4d9c2a-{flag}", trace_id(rng, own));
    let list = format!("sentry-sample_rate={rate}{more}");
    (rate, sampled, headers([("sentry-trace", &*trace), ("baggage", &*list)]))
}

/// In [0,rate) if sampled, in [rate,1) if not. Missing if six digits cannot express such a value.
#[test]
fn a_missing_sample_rand_fits_the_decision() {
    let propagator = SentryPropagator::new();
    let mut rng = StdRng::seed_from_u64(4);
    let mut missing = 0;
    for _ in 0..40_000 {
        let (rate, sampled, incoming) = decided(&mut rng, "");
        let cx = propagator.extract(&incoming);
        let sent = inject(&propagator, &cx);
        assert_eq!(flag(&sent), Some(if sampled { "1" } else { "0" }));
        match dsc_value(&sent, "sample_rand") {
            Some(rand) => assert_eq!(read_rand(rand) < rate, sampled, "{incoming:?}: {sent:?}"),
            None => {
                missing += 1;
                let possible = if sampled { rate > 0.0 } else { rate <= 0.999999 };
                assert!(!possible, "{incoming:?}: {sent:?}");
            }
        }
        // The same in OTel's terms: the rate's threshold, and a randomness on the right side of it.
        let span = cx.span();
        let (th, rv) = span.span_context().trace_state().get("ot").map_or((None, None), th_and_rv);
        let settled = rv.unwrap_or(randomness(span.span_context().trace_id()));
        if let Some(th) = th {
            assert!(sampled && settled >= th, "{incoming:?}: {th:x}, {rv:x?}");
            assert_eq!(th, M - kept(rate), "{incoming:?}");
        }
    }
    assert!(missing > 100, "{missing}");
}

/// Uniform over the interval, not concentrated at one end.
#[test]
fn a_missing_sample_rand_is_uniform() {
    let propagator = SentryPropagator::new();
    let mut rng = StdRng::seed_from_u64(5);
    for (flag, list, start, end) in [
        ("-1", "sentry-sample_rate=0.25", 0.0, 0.25),
        ("-0", "sentry-sample_rate=0.25", 0.25, 1.0),
        ("", "sentry-sample_rate=0.25", 0.0, 1.0),
        ("-1", "sentry-release=x", 0.0, 1.0),
    ] {
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let own = rng.random_range(0..M);
            let trace = format!("{}-7dd6b3a1fb4d9c2a{flag}", trace_id(&mut rng, own));
            let incoming = headers([("sentry-trace", &*trace), ("baggage", list)]);
            let sent = inject(&propagator, &propagator.extract(&incoming));
            let rand = read_rand(dsc_value(&sent, "sample_rand").unwrap());
            assert!((start..end).contains(&rand), "{flag} {list}: {rand}");
            tenths[((rand - start) / (end - start) * 10.0) as usize] += 1;
        }
        // Four sigma for a tenth of 10,000.
        assert!(tenths.iter().all(|n| (880..=1120).contains(n)), "{flag} {list}: {tenths:?}");
    }
}

/// A contradictory value is forwarded unchanged and does not affect our values.
#[test]
fn a_contradictory_sample_rand_decides_nothing() {
    let mut rng = StdRng::seed_from_u64(6);
    let overriding =
        Service::of(&Sentry::builder().dsn(DSN).traces_sampler(|_| 0.5).build().unwrap());
    for _ in 0..2_000 {
        let (rand, flag, rate) = match rng.random() {
            true => (0.9, 1, 0.2),
            false => (0.1, 0, 0.8),
        };
        let own = rng.random_range(0..M);
        let trace = format!("{}-7dd6b3a1fb4d9c2a-{flag}", trace_id(&mut rng, own));
        let list = format!("sentry-sample_rate={rate},sentry-sample_rand={rand}");
        let incoming = headers([("sentry-trace", &*trace), ("baggage", &*list)]);
        let remote = overriding.receive(&incoming);
        assert_eq!(overriding.send(&remote)["baggage"], list);
        let server = overriding.server(&remote, "cart");
        assert_eq!(server.span().is_recording(), own >= M / 2, "{incoming:?}");
        let rand = rand.to_string();
        assert_eq!(dsc_value(&overriding.send(&server), "sample_rand"), Some(&*rand));
        let ot =
            remote.span().span_context().trace_state().get("ot").map_or((None, None), th_and_rv);
        assert_eq!(ot.1, None, "{incoming:?}");
    }
}
