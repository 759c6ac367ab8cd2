//! What the public types promise: auto traits, sizes, and no secret in `Debug`.

use std::error::Error;
use std::fmt::Debug;
use std::mem::size_of;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sentry::{
    ConfigError, Dsn, DynamicSamplingContext, InvalidDsn, InvalidSampleRate, InvalidSentryTrace,
    PropagationTargets, SampleRate, SamplingContext, Sentry, SentryBuilder, SentryPropagator,
    SentryTrace, Target, BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER,
};

const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3:s3cr3t@o1.ingest.sentry.io/42";

fn sentry() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sample_rate(0.5).traces_sampler(|_| 1.0)
}

#[test]
fn every_type_goes_to_other_threads() {
    fn shared<T: Send + Sync + Clone + Debug + 'static>() {}
    fn error<T: Error + Send + Sync + Clone + Debug + PartialEq + 'static>() {}
    shared::<Sentry>();
    shared::<SentryBuilder>();
    shared::<SentryPropagator>();
    #[cfg(feature = "sdk")]
    shared::<opentelemetry_sentry::SentrySampler>();
    #[cfg(feature = "sdk")]
    shared::<opentelemetry_sentry::WrappedSampler<opentelemetry_sdk::trace::Sampler>>();
    #[cfg(feature = "http")]
    shared::<opentelemetry_sentry::HeaderMapExtractor<'static>>();
    shared::<opentelemetry_sentry::MessageExtractor<'static>>();
    shared::<opentelemetry_sentry::TraceData>();
    shared::<SentryTrace>();
    shared::<DynamicSamplingContext<'static>>();
    shared::<SamplingContext<'static>>();
    shared::<Dsn>();
    shared::<SampleRate>();
    shared::<PropagationTargets>();
    shared::<Target>();
    error::<ConfigError>();
    error::<InvalidDsn>();
    error::<InvalidSampleRate>();
    error::<InvalidSentryTrace>();
}

/// Every tracer clones a plug, so the settings must be shared.
#[test]
fn plugs_are_one_pointer() {
    let pointer = size_of::<usize>();
    assert_eq!(size_of::<Sentry>(), pointer);
    assert_eq!(size_of::<SentryPropagator>(), pointer);
    #[cfg(feature = "sdk")]
    assert_eq!(size_of::<opentelemetry_sentry::SentrySampler>(), pointer);
    assert!(size_of::<SentryTrace>() <= 32);
    assert_eq!(size_of::<SampleRate>(), 8);
}

#[test]
fn plugs_are_trait_objects() {
    let sentry = sentry().build().unwrap();
    let propagator: Box<dyn TextMapPropagator + Send + Sync> = Box::new(sentry.propagator());
    assert_eq!(propagator.fields().count(), 2);
    #[cfg(feature = "sdk")]
    {
        use opentelemetry_sdk::trace::ShouldSample;
        let sampler: Box<dyn ShouldSample> = Box::new(sentry.sampler());
        assert!(format!("{:?}", sampler.clone()).starts_with("SentrySampler"));
    }
}

/// Several settings in one process are independent.
#[test]
fn settings_are_independent() {
    let [one, two] = [true, false].map(|propagate| {
        Sentry::builder().propagate_traceparent(propagate).build().unwrap().propagator()
    });
    assert_eq!((one.fields().count(), two.fields().count()), (3, 2));
}

#[test]
fn header_names() {
    let names = [SENTRY_TRACE_HEADER, BAGGAGE_HEADER, TRACEPARENT_HEADER];
    assert_eq!(names, ["sentry-trace", "baggage", "traceparent"]);
    assert!(names.iter().all(|name| http::HeaderName::from_static(name).as_str() == *name));
}

/// The documentation of [`DynamicSamplingContext`] promises this.
#[test]
fn a_dsc_as_a_value() {
    let list = "sentry-release=a%20b,sentry-x=1,sentry-y=2".to_owned();
    let dsc = DynamicSamplingContext::parse(&list);
    let owned = dsc.clone().into_owned();
    assert_eq!(dsc, owned);
    drop(list);
    assert_eq!(owned.to_string(), "sentry-release=a%20b,sentry-x=1,sentry-y=2");
    let get = |key| owned.get(key).map(|value| value.into_owned());
    let found = ["release", "x", "y", "z"].map(get);
    assert_eq!(found, [Some("a b".to_owned()), Some("1".to_owned()), Some("2".to_owned()), None]);
    assert_eq!(owned.len(), 3);
    assert!(!owned.is_empty());
    let empty = DynamicSamplingContext::parse("x=1");
    assert!(empty.is_empty());
    for other in ["sentry-release=a%20b", "sentry-x=1,sentry-release=a%20b,sentry-y=2", ""] {
        assert_ne!(owned, DynamicSamplingContext::parse(other), "{other}");
    }
}

/// Neither the DSN's key, nor the deprecated secret, nor input.
#[test]
fn debug_shows_no_secret() {
    let built = sentry().build().unwrap();
    let bad = DSN.replace("/42", "/s3cr3t");
    let list = "sentry-public_key=49d0f7386ad645858ae85020e393bef3,sentry-release=outside";
    let mut shown: Vec<(&str, Box<dyn Debug>)> = vec![
        ("Sentry ", Box::new(built.clone())),
        ("SentryBuilder", Box::new(sentry())),
        ("SentryPropagator", Box::new(built.propagator())),
        ("DynamicSamplingContext", Box::new(DynamicSamplingContext::parse(list))),
        ("Dsn ", Box::new(DSN.parse::<Dsn>().unwrap())),
        ("InvalidDsn", Box::new(bad.parse::<Dsn>().unwrap_err())),
        ("ConfigError", Box::new(Sentry::builder().dsn(bad).build().unwrap_err())),
        ("InvalidSentryTrace", Box::new("s3cr3t".parse::<SentryTrace>().unwrap_err())),
        ("InvalidSampleRate", Box::new(SampleRate::new(1.5).unwrap_err())),
    ];
    #[cfg(feature = "sdk")]
    {
        let inner = opentelemetry_sdk::trace::Sampler::AlwaysOn;
        shown.push(("SentrySampler", Box::new(built.sampler())));
        shown.push(("WrappedSampler", Box::new(built.sampler().wrap(inner))));
        let inner = opentelemetry_sdk::propagation::TraceContextPropagator::new();
        shown.push(("WrappedPropagator", Box::new(built.propagator().wrap(inner))));
    }
    shown.push(("PropagationTargets", Box::new(PropagationTargets::everywhere())));
    for (name, value) in shown {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(text.starts_with(name), "{text}");
            for secret in ["49d0f738", "s3cr3t", "outside"] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
    }
    let sampler = sentry().traces_sampler(|_| 0.5).build().unwrap();
    assert!(format!("{sampler:?}").contains("traces_sampler: Some(TracesSampler"), "{sampler:?}");
}
