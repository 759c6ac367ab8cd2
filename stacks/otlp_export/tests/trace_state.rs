//! Spans from a real OTLP/HTTP exporter carry the rate of their trace in `ot=th` of their trace
//! state. Sentry weights each span by it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, Tracer, TracerProvider,
};
use opentelemetry::Context;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, Sampler, SdkTracerProvider, TracerProviderBuilder};
use opentelemetry_sentry::Sentry;
use otlp_export::Collector;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The number of traces that each case starts, and the number of spans in each.
const TRACES: u64 = 60;
const SPANS: usize = 3;

const M: u64 = 1 << 56;

/// Sample rates, the `th` of each, and the number of evenly spread traces that it samples.
const RATES: [(f64, &str, usize); 4] =
    [(1.0, "0", 60), (0.5, "8", 30), (0.1, "e6666666666666", 6), (1.0 / 3.0, "aaaaaaaaaaaaac", 20)];

/// Trace ids like a Sentry SDK's (UUIDv4), whose last 56 bits are spread evenly.
fn trace_id(index: u64) -> TraceId {
    let randomness = (2 * index + 1) * (M / (2 * TRACES));
    TraceId::from(0x771a_43a4_1926_42f0_b100_0000_0000_0000 | u128::from(randomness))
}

#[derive(Debug, Default)]
struct SpreadIds {
    traces: AtomicU64,
    spans: AtomicU64,
}

impl IdGenerator for SpreadIds {
    fn new_trace_id(&self) -> TraceId {
        trace_id(self.traces.fetch_add(1, Ordering::Relaxed))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn sentry(sample_rate: f64) -> Sentry {
    let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42");
    builder.traces_sample_rate(sample_rate).build().expect("settings")
}

/// Starts [`TRACES`] traces of a SERVER span, an inner span and a CLIENT span inside that, each
/// below `parent`'s result. Returns what a collector received.
fn export(provider: TracerProviderBuilder, parent: impl Fn(u64) -> Context) -> Vec<Span> {
    let collector = Collector::start().expect("a collector");
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(TIMEOUT).build();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client.expect("an HTTP client"))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(collector.endpoint())
        .with_timeout(TIMEOUT)
        .build()
        .expect("an exporter");
    let provider =
        provider.with_id_generator(SpreadIds::default()).with_batch_exporter(exporter).build();
    let tracer = provider.tracer("test");
    for index in 0..TRACES {
        let mut contexts = vec![parent(index)];
        for kind in [SpanKind::Server, SpanKind::Internal, SpanKind::Client] {
            let above = &contexts[contexts.len() - 1];
            let builder = tracer.span_builder("work").with_kind(kind);
            contexts.push(above.with_span(builder.start_with_context(&tracer, above)));
        }
        contexts.iter().skip(1).rev().for_each(|cx| cx.span().end());
    }
    provider.shutdown_with_timeout(TIMEOUT).expect("every span is exported");
    collector.take()
}

/// One field of the `ot` member of an exported trace state.
fn ot<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let mut members = span.trace_state.split(',').filter_map(|member| member.split_once('='));
    let (_, ot) = members.find(|(key, _)| *key == "ot")?;
    let mut fields = ot.split(';').filter_map(|field| field.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn bits(digits: &str) -> u64 {
    u64::from_str_radix(&format!("{digits:0<14}"), 16).expect("hexadecimal digits")
}

/// A span's randomness, computed only from the exported data.
fn randomness(span: &Span) -> u64 {
    let id: [u8; 16] = span.trace_id[..].try_into().expect("16 bytes");
    ot(span, "rv").map_or(u128::from_be_bytes(id) as u64 & (M - 1), bits)
}

/// Asserts that every span of `traces` traces arrived, and has the same `th` as the rest of its
/// trace.
#[track_caller]
fn assert_exported(spans: &[Span], traces: usize, th: &str, case: &str) {
    assert_eq!(spans.len(), SPANS * traces, "{case}: exported spans");
    let mut states: HashMap<&[u8], &str> = HashMap::new();
    for span in spans {
        assert_eq!(ot(span, "th"), Some(th), "{case}: {span:?}");
        assert!(randomness(span) >= bits(th), "{case}: {span:?}");
        let first = states.entry(&span.trace_id).or_insert(&span.trace_state);
        assert_eq!(*first, span.trace_state, "{case}");
    }
    assert_eq!(states.len(), traces, "{case}: traces");
}

#[test]
fn heads() {
    for (rate, th, sampled) in RATES {
        let spans = export(sampled_by(&sentry(rate)), |_| Context::new());
        assert_exported(&spans, sampled, th, &format!("head at {rate}"));
        assert!(spans.iter().all(|span| ot(span, "rv").is_none()), "a head needs no rv");
        for span in &spans {
            let is_head = span.parent_span_id.is_empty();
            let expected = is_head.then_some(Value::DoubleValue(rate));
            assert_eq!(sample_rate(span), expected, "{span:?}");
        }
        // Sentry's sum: each trace counts for as many as its rate implies.
        let weight = M as f64 / (M - bits(th)) as f64;
        let heads = spans.iter().filter(|span| span.parent_span_id.is_empty()).count();
        let traces = heads as f64 * weight;
        assert!((traces - TRACES as f64).abs() < 1e-9, "{traces} traces at {rate}");
    }
}

/// The span attribute with a rate that was applied here.
fn sample_rate(span: &Span) -> Option<Value> {
    let mut attributes = span.attributes.iter();
    attributes.find(|attribute| attribute.key == "sentry.sample_rate")?.value.clone()?.value
}

type NewProvider = fn() -> TracerProviderBuilder;

/// Samplers that a service may use: ours at another rate, and the SDK's default.
const PROVIDERS: [(&str, NewProvider); 2] = [
    ("SentrySampler", || sampled_by(&sentry(0.25))),
    ("ParentBased(AlwaysOn)", || {
        let default = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        SdkTracerProvider::builder().with_sampler(default)
    }),
];

fn sampled_by(sentry: &Sentry) -> TracerProviderBuilder {
    SdkTracerProvider::builder().with_sampler(sentry.sampler())
}

/// Headers of a Sentry SDK whose `sample_rand` is independent of its trace id.
fn headers(index: u64, flag: &str, rand: f64, more: &str) -> HashMap<String, String> {
    let id = trace_id(index);
    let baggage = format!("sentry-trace_id={id},sentry-sample_rand={rand:.6}{more}");
    HashMap::from([
        ("sentry-trace".to_owned(), format!("{id}-7dd6b3a1fb4d9c2a{flag}")),
        ("baggage".to_owned(), baggage),
    ])
}

#[test]
fn continued_from_a_sentry_sdk() {
    let propagator = sentry(0.25).propagator();
    for (rate, th, _) in RATES {
        let sampled = |index| {
            let rand = rate * index as f64 / TRACES as f64;
            let dsc = format!(",sentry-sample_rate={rate},sentry-sampled=true");
            propagator.extract(&headers(index, "-1", rand, &dsc))
        };
        let dropped = |index| {
            let rand = rate + (1.0 - rate) * index as f64 / TRACES as f64;
            let dsc = format!(",sentry-sample_rate={rate},sentry-sampled=false");
            propagator.extract(&headers(index, "-0", rand, &dsc))
        };
        for (name, provider) in PROVIDERS {
            let case = format!("continued at {rate} under {name}");
            let spans = export(provider(), sampled);
            assert_exported(&spans, TRACES as usize, th, &case);
            assert_eq!(export(provider(), dropped), [], "{case}: not sampled");
        }
    }
}

#[test]
fn continued_and_undecided() {
    for (rate, th, sampled) in RATES {
        let sentry = sentry(rate);
        let propagator = sentry.propagator();
        let spans = export(sampled_by(&sentry), |index| {
            let rand = (2 * index + 1) as f64 / (2 * TRACES) as f64;
            propagator.extract(&headers(index, "", rand, ""))
        });
        assert_exported(&spans, sampled, th, &format!("undecided, {rate} here"));
    }
}

#[test]
fn continued_from_a_consistent_sampler() {
    let propagator = sentry(0.25).propagator().wrap(TraceContextPropagator::new());
    for (rate, th, sampled) in RATES {
        for (name, provider) in PROVIDERS {
            let spans = export(provider(), |index| {
                let id = trace_id(index);
                let randomness = u128::from_be_bytes(id.to_bytes()) as u64 & (M - 1);
                let kept = randomness >= bits(th);
                let flags = TraceFlags::default().with_sampled(kept);
                let state = if kept { format!("ot=th:{th}") } else { String::new() };
                propagator.extract(&HashMap::from([
                    ("traceparent".to_owned(), format!("00-{id}-b7ad6b7169203331-{flags:02x}")),
                    ("tracestate".to_owned(), state),
                ]))
            });
            assert_exported(&spans, sampled, th, &format!("W3C at {rate} under {name}"));
        }
    }
}
