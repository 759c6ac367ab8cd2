//! Exported spans and log records have the attributes that Sentry reads, sent to Sentry and to a
//! Collector. This file runs a second time with `--features reqwest-client`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::Sentry;
use otlp_export::Collector;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An id whose last 56 bits are all ones: it is sampled at any rate above 0.
const TRACE_ID: &str = "771a43a4192642f0b1ffffffffffffff";

const VERSION: &str = "0.1.0";

type Attributes = BTreeMap<String, Value>;

fn attributes(attributes: &[ProtoKeyValue]) -> Attributes {
    let pairs = attributes
        .iter()
        .filter_map(|attribute| Some((attribute.key.clone(), attribute.value.clone()?.value?)));
    pairs.filter(|(key, _)| key.starts_with("sentry.") || key == "release").collect()
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
    let text = |text: &str| Value::StringValue(text.to_owned());
    pairs.into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect()
}

fn common() -> Attributes {
    texts([
        ("sentry.environment", "staging"),
        ("sentry.release", "shop@1.2.3"),
        ("sentry.sdk.name", "opentelemetry-sentry"),
        ("sentry.sdk.version", VERSION),
    ])
}

fn with_rate(mut attributes: Attributes, rate: f64) -> Attributes {
    attributes.insert("sentry.client_sample_rate".to_owned(), Value::DoubleValue(rate));
    attributes
}

fn sentry(collector: &Collector, rate: Option<f64>) -> Sentry {
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let builder = Sentry::builder().dsn(collector.dsn());
    let builder = builder.release("shop@1.2.3").environment("staging");
    let builder = match rate {
        Some(rate) => builder.traces_sample_rate(rate),
        None => builder,
    };
    builder.build().expect("settings")
}

/// The attributes of the received SERVER span and its CLIENT child: the span's own and Sentry's by
/// span name, from Sentry's endpoint and from a Collector's.
fn exported(
    rate: Option<f64>,
    sampler: Option<Sampler>,
    headers: &[(&str, &str)],
    own: &[KeyValue],
) -> [HashMap<String, Attributes>; 2] {
    let collector = Collector::start().expect("a collector");
    let sentry = sentry(&collector, rate);
    let headers: HashMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    [
        sentry.span_exporter().expect("an exporter"),
        sentry.span_exporter_to(&collector.endpoint()).expect("an exporter"),
    ]
    .map(|exporter| {
        let provider = match &sampler {
            Some(sampler) => SdkTracerProvider::builder().with_sampler(sampler.clone()),
            None => SdkTracerProvider::builder().with_sampler(sentry.sampler()),
        };
        let provider = provider
            .with_resource(
                Resource::builder().with_attributes(sentry.resource_attributes()).build(),
            )
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer("test");
        let parent = sentry.propagator().extract_with_context(&Context::new(), &headers);
        let builder = tracer.span_builder("server").with_kind(SpanKind::Server);
        let builder = builder.with_attributes(own.iter().cloned());
        let server = parent.with_span(builder.start_with_context(&tracer, &parent));
        let builder = tracer.span_builder("client").with_kind(SpanKind::Client);
        let client = server.with_span(builder.start_with_context(&tracer, &server));
        client.span().end();
        server.span().end();
        provider.shutdown_with_timeout(TIMEOUT).expect("every span is exported");
        let spans = collector.take();
        assert_eq!(spans.len(), 2);
        spans.into_iter().map(|span| (span.name, attributes(&span.attributes))).collect()
    })
}

/// A head's span has the applied rate, and so has its child.
#[test]
fn a_head_and_its_child() {
    for spans in exported(Some(1.0), None, &[], &[]) {
        let mut head = with_rate(common(), 1.0);
        head.insert("sentry.sample_rate".to_owned(), Value::DoubleValue(1.0));
        assert_eq!(spans["server"], head);
        assert_eq!(spans["client"], with_rate(common(), 1.0));
    }
}

fn sentry_trace(flag: &str) -> String {
    format!("{TRACE_ID}-7dd6b3a1fb4d9c2a{flag}")
}

fn baggage(more: &str) -> String {
    format!("sentry-trace_id={TRACE_ID},sentry-public_key=other{more}")
}

/// The caller's rate, not ours.
#[test]
fn a_continued_trace() {
    let baggage = baggage(",sentry-sample_rate=0.25,sentry-sample_rand=0.1,sentry-sampled=true");
    let headers = [("sentry-trace", &*sentry_trace("-1")), ("baggage", &*baggage)];
    for sampler in [None, Some(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))] {
        for spans in exported(Some(1.0), sampler.clone(), &headers, &[]) {
            assert_eq!(spans["server"], with_rate(common(), 0.25), "{sampler:?}");
            assert_eq!(spans["client"], with_rate(common(), 0.25), "{sampler:?}");
        }
    }
}

/// Only `th` has the rate of a stock OTel head.
#[test]
fn the_rate_of_a_threshold() {
    let traceparent = format!("00-{TRACE_ID}-7dd6b3a1fb4d9c2a-01");
    let collector = Collector::start().expect("a collector");
    let sentry = sentry(&collector, Some(1.0));
    let w3c = opentelemetry_sdk::propagation::TraceContextPropagator::new();
    let propagator = sentry.propagator().wrap(w3c);
    let headers = HashMap::from([
        ("traceparent".to_owned(), traceparent),
        ("tracestate".to_owned(), "ot=th:c".to_owned()),
    ]);
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_batch_exporter(sentry.span_exporter().expect("an exporter"))
        .build();
    let parent = propagator.extract_with_context(&Context::new(), &headers);
    let tracer = provider.tracer("test");
    drop(tracer.span_builder("server").start_with_context(&tracer, &parent));
    provider.shutdown_with_timeout(TIMEOUT).expect("the span is exported");
    let spans = collector.take();
    assert_eq!(attributes(&spans[0].attributes), with_rate(common(), 0.25));
}

/// No weight is invented: neither from our own rate nor from one that did not decide.
#[test]
fn without_a_known_rate() {
    let sampled = sentry_trace("-1");
    let dropped = sentry_trace("-0");
    let by_head = baggage(",sentry-sample_rate=0.25,sentry-sample_rand=0.9,sentry-sampled=false");
    let zero = baggage(",sentry-sample_rate=0,sentry-sampled=true");
    let none = baggage("");
    let always = Some(Sampler::AlwaysOn);
    for (case, sampler, headers) in [
        ("no DSC", None, vec![("sentry-trace", &*sampled)]),
        ("a DSC without a rate", None, vec![("sentry-trace", &*sampled), ("baggage", &*none)]),
        ("a rate of 0", None, vec![("sentry-trace", &*sampled), ("baggage", &*zero)]),
        ("a sampler without a rate", always.clone(), vec![]),
        (
            "a head that dropped it",
            always,
            vec![("sentry-trace", &*dropped), ("baggage", &*by_head)],
        ),
    ] {
        for spans in exported(Some(0.5), sampler.clone(), &headers, &[]) {
            assert_eq!(spans["server"], common(), "{case}");
            assert_eq!(spans["client"], common(), "{case}");
        }
    }
}

#[test]
fn user_attributes_stay() {
    let own = [
        KeyValue::new("release", "own@2"),
        KeyValue::new("sentry.environment", "own"),
        KeyValue::new("sentry.client_sample_rate", 0.5),
        KeyValue::new("sentry.sdk.name", "own"),
    ];
    for spans in exported(Some(1.0), None, &[], &own) {
        let expected =
            [("release", "own@2"), ("sentry.environment", "own"), ("sentry.sdk.name", "own")];
        let mut expected = with_rate(texts(expected), 0.5);
        expected.insert("sentry.sample_rate".to_owned(), Value::DoubleValue(1.0));
        assert_eq!(spans["server"], expected);
    }
}

/// Log records have the span in which they are emitted, the release and the environment.
#[test]
fn a_log_record() {
    let collector = Collector::start().expect("a collector");
    let sentry = sentry(&collector, Some(1.0));
    let tracer = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build().tracer("test");
    let provider = SdkLoggerProvider::builder()
        .with_batch_exporter(sentry.log_exporter().expect("an exporter"))
        .build();
    let cx = Context::new().with_span(tracer.start("GET /cart"));
    {
        let _active = cx.clone().attach();
        let logger = provider.logger("test");
        for release in [None, Some("own@2")] {
            let mut record = logger.create_log_record();
            record.set_body("looked up".into());
            if let Some(release) = release {
                record.add_attribute("sentry.release", release);
            }
            logger.emit(record);
        }
    }
    provider.shutdown_with_timeout(TIMEOUT).expect("every record is exported");
    let logs = collector.take_logs();
    assert_eq!(logs.len(), 2);
    for (log, release) in logs.iter().zip(["shop@1.2.3", "own@2"]) {
        assert_eq!(log.trace_id, cx.span().span_context().trace_id().to_bytes());
        assert_eq!(log.span_id, cx.span().span_context().span_id().to_bytes());
        let mut expected = common();
        expected.extend(texts([("sentry.release", release)]));
        assert_eq!(attributes(&log.attributes), expected);
    }
}
