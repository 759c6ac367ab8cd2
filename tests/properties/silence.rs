//! `Debug` and errors never show input or a secret of the settings.

use std::fmt::Debug;

use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{
    continue_trace, trace_data, Dsn, DynamicSamplingContext, MessageExtractor, MessageInjector,
    SampleRate, Sentry, SentryTrace, TraceData,
};
use quickcheck::{Gen, QuickCheck, TestResult};

use crate::laws::ids::{SPAN_ID, TRACE_ID};

/// Every public value that holds a secret or was made from one.
fn shown(secret: &str) -> Vec<(&'static str, String)> {
    let both = |value: &dyn Debug| format!("{value:?} {value:#?}");
    let dsn_text = format!("https://{secret}:{secret}@o1.ingest.sentry.io/42");
    let dsn: Dsn = dsn_text.parse().expect("a DSN");
    let sentry = Sentry::builder().dsn(dsn_text.as_str()).traces_sample_rate(0.5);
    let built = sentry.clone().build().expect("settings");
    let propagator = built.propagator();
    let list = format!("sentry-{secret}={secret},{secret}={secret}");
    let data = TraceData::from([
        ("sentry-trace", format!("{TRACE_ID}-{SPAN_ID}-1")),
        ("baggage", list.clone()),
    ]);
    let cx = continue_trace(&propagator, &data);
    assert!(trace_data(&propagator, &cx).get("baggage").is_some_and(|list| list.contains(secret)));

    let mut message = vec![("baggage".to_owned(), secret.as_bytes().to_vec())];
    let pairs = [("baggage", secret.as_bytes())];
    let mut texts = vec![
        ("SentryBuilder", both(&sentry)),
        ("Sentry", both(&built)),
        ("SentryPropagator", both(&propagator)),
        ("WrappedPropagator", both(&propagator.clone().wrap(TraceContextPropagator::new()))),
        ("SentrySampler", both(&built.sampler())),
        ("Dsn", both(&dsn)),
        ("DynamicSamplingContext", both(&DynamicSamplingContext::parse(&list))),
        ("TraceData", both(&data)),
        ("MessageExtractor", both(&MessageExtractor::new(pairs))),
        ("MessageInjector", both(&MessageInjector(&mut message))),
    ];
    #[cfg(feature = "http")]
    {
        let mut headers = http::HeaderMap::new();
        let mut carrier = opentelemetry_sentry::MergingInjector(&mut headers);
        opentelemetry::propagation::Injector::set(&mut carrier, "baggage", list);
        texts.push(("MergingInjector", both(&carrier)));
    }
    texts.extend(errors(secret));
    assert!(cx.span().span_context().is_valid());
    texts
}

/// Errors for every possible fault of a text that contains the secret.
fn errors(secret: &str) -> Vec<(&'static str, String)> {
    let mut texts = Vec::new();
    let traces = [
        secret.to_owned(),
        format!("{secret}-{SPAN_ID}"),
        format!("{TRACE_ID}-{secret}"),
        format!("{TRACE_ID}-{SPAN_ID}-{secret}"),
    ];
    for text in traces {
        let error = text.parse::<SentryTrace>().expect_err("no trace");
        texts.push(("InvalidSentryTrace", format!("{error} {error:?}")));
    }
    let dsns = [
        secret.to_owned(),
        format!("{secret}://key@host/1"),
        format!("https://{secret}/1"),
        format!("https://{secret}!@host/1"),
        format!("https://{secret}@host/{secret}x"),
        format!("https://{secret}@host:{secret}x/1"),
        format!("https://{secret}@host/{secret}!/1"),
        format!("https://{secret}@host/1?{secret}"),
        format!("https://{secret}@host/{}", secret.repeat(60)),
    ];
    for text in dsns {
        let error = text.parse::<Dsn>().expect_err("no DSN");
        let built = Sentry::builder().dsn(text).build().expect_err("no settings");
        texts.push(("InvalidDsn", format!("{error} {error:?} {built} {built:?}")));
    }
    let secret_line = format!("{secret}\n");
    let builders = [
        Sentry::builder().release(secret_line.as_str()),
        Sentry::builder().environment(secret_line.as_str()),
        Sentry::builder().release(secret.repeat(100)),
        Sentry::builder().org_id(format!("{secret}x")),
        Sentry::builder().trace_propagation_targets([secret, ""]),
    ];
    for builder in builders {
        let error = builder.build().expect_err("no settings");
        texts.push(("ConfigError", format!("{error} {error:?}")));
    }
    let error = SampleRate::new(f64::from_bits(0x7ff8_0000_0000_0001)).expect_err("no rate");
    texts.push(("InvalidSampleRate", format!("{error} {error:?}")));
    texts
}

#[test]
fn no_text_repeats_a_secret() {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    fn silent(bytes: [u8; 12], more: Vec<u8>) {
        let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
        let secret: String = bytes.into_iter().chain(more).map(letter).collect();
        for (name, text) in shown(&secret) {
            assert!(!text.contains(&secret), "{name}: {text}");
        }
    }
    QuickCheck::new().tests(200).rng(Gen::new(12)).quickcheck(silent as fn([u8; 12], Vec<u8>));
}

#[test]
fn no_number_is_repeated() {
    fn silent(rate: f64) -> TestResult {
        if (0.0..=1.0).contains(&rate) {
            return TestResult::discard();
        }
        let error = SampleRate::new(rate).expect_err("no rate");
        let built = Sentry::builder().traces_sample_rate(rate).build().expect_err("no settings");
        for text in [error.to_string(), built.to_string()] {
            assert!(text.ends_with("invalid sample rate: not a number from 0 to 1"), "{text}");
        }
        TestResult::passed()
    }
    QuickCheck::new().tests(200).quickcheck(silent as fn(f64) -> TestResult);
}
