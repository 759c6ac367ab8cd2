//! The code of `docs/recipes.md`, block by block in a file of its own, and what it does.

mod actix_web;
mod all_but_one;
mod axum;
mod fan_out;
mod forced;
mod health_checks;
mod load_balancer;
mod log_decision;
mod older_otel;
mod websocket;

use std::collections::HashMap;

use ::axum::http::HeaderMap;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{
    continue_trace, trace_data, OutgoingUrlExt, Sentry, SentryTrace, TraceData,
};

const SAMPLED: (&str, &str) =
    ("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1");
const NOT_SAMPLED: (&str, &str) =
    ("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-0");

/// Whether a SERVER span with this name and attribute is recorded.
fn is_recorded(
    sentry: &Sentry,
    name: &'static str,
    attribute: Option<KeyValue>,
    header: (&str, &str),
) -> bool {
    let propagator = sentry.propagator().wrap(TraceContextPropagator::new());
    let cx = continue_trace(&propagator, &TraceData::from([header]));
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let tracer = provider.tracer("shop");
    let span = tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attribute);
    let cx = cx.with_span(span.start_with_context(&tracer, &cx));
    cx.span().is_recording()
}

#[test]
fn health_checks_are_not_recorded() {
    let sentry = health_checks::sentry().unwrap();
    for name in ["GET /healthz", "HEAD /buy", "OPTIONS /buy"] {
        assert!(!is_recorded(&sentry, name, None, SAMPLED), "{name}");
    }
    assert!(is_recorded(&sentry, "GET /buy", None, SAMPLED));
    assert!(!is_recorded(&sentry, "GET /buy", None, NOT_SAMPLED));
}

#[test]
fn a_header_forces_sampling() {
    let sentry = forced::sentry().unwrap();
    for (value, expected) in [("right", true), ("wrong", false)] {
        let mut headers = HeaderMap::new();
        headers.insert("x-force-trace", value.parse().unwrap());
        let attribute = forced::attribute(&headers, "right");
        assert_eq!(is_recorded(&sentry, "GET /buy", Some(attribute), NOT_SAMPLED), expected);
    }
    let none = forced::attribute(&HeaderMap::new(), "right");
    assert!(!is_recorded(&sentry, "GET /buy", Some(none), NOT_SAMPLED));
}

/// A fifth of the platform's traces, and none that a Sentry SDK has not sampled.
#[test]
fn a_platform_s_traceparent_decides_nothing() {
    let sentry = load_balancer::sentry().unwrap();
    let recorded = (1..=1000_u128).filter(|number| {
        // Spread over the low 56 bits, which the decision is taken from.
        let id = (7 << 100) | ((number * 72_057_594_037_927) & ((1 << 56) - 1));
        let traceparent = format!("00-{id:032x}-7dd6b3a1fb4d9c2a-00");
        is_recorded(&sentry, "GET /buy", None, ("traceparent", &traceparent))
    });
    let recorded = recorded.count();
    assert!((190..=210).contains(&recorded), "{recorded}");
    assert!(!is_recorded(&sentry, "GET /buy", None, NOT_SAMPLED));
    assert!(is_recorded(&sentry, "GET /buy", None, SAMPLED));
}

#[test]
fn one_host_gets_no_headers() {
    let sentry = all_but_one::sentry().unwrap();
    let cx = continue_trace(&sentry.propagator(), &TraceData::from([SAMPLED]));
    for (url, expected) in [("https://tracker.example/a", false), ("https://api.example/", true)] {
        let data = trace_data(&sentry.propagator(), &cx.with_outgoing_url(url));
        assert_eq!(!data.is_empty(), expected, "{url}");
    }
}

/// The only test that sets OTel's globals.
#[test]
fn each_job_and_each_message_has_its_trace() {
    let sentry = Sentry::builder().traces_sample_rate(1.0).build().unwrap();
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(spans.clone())
        .build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(sentry.propagator());

    let cx = Context::new().with_span(provider.tracer("scheduler").start("tick"));
    let tick = cx.span().span_context().clone();
    let jobs = {
        let _guard = cx.attach();
        [fan_out::headers_for_job(&sentry), fan_out::headers_for_job(&sentry)]
    };
    let jobs = jobs.map(|data| data.get("sentry-trace").unwrap().parse::<SentryTrace>().unwrap());
    assert_ne!(jobs[0].trace_id(), jobs[1].trace_id());
    let spans = spans.get_finished_spans().unwrap();
    for job in jobs {
        assert_ne!(job.trace_id(), tick.trace_id());
        let is_sent = |span_id| span_id == job.span_id();
        let sent = spans.iter().find(|span| is_sent(span.span_context.span_id())).unwrap();
        assert_eq!(sent.span_kind, SpanKind::Producer);
        assert_eq!(sent.links[0].span_context, tick);
    }

    let message = [SAMPLED].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let cx = websocket::context(HashMap::from(message));
    let span = cx.span().span_context().clone();
    let both = format!("{}-{}-1", span.trace_id(), span.span_id());
    assert_eq!(("sentry-trace", &*both), SAMPLED);
}

#[test]
fn an_older_otel_gets_the_parent() {
    use opentelemetry_0_32::trace::TraceContextExt as _;

    let cx = continue_trace(
        &Sentry::builder().build().unwrap().propagator(),
        &TraceData::from([SAMPLED]),
    );
    let old = older_otel::parent_for_old(&cx);
    let span = old.span().span_context().clone();
    assert!(span.is_remote() && span.is_sampled());
    let both = format!("{}-{}-1", span.trace_id(), span.span_id());
    assert_eq!(("sentry-trace", &*both), SAMPLED);
}

#[test]
fn the_page_shows_what_is_tested() {
    let page = include_str!("../../../docs/recipes.md");
    for program in [
        include_str!("actix_web.rs"),
        include_str!("all_but_one.rs"),
        include_str!("axum.rs"),
        include_str!("fan_out.rs"),
        include_str!("forced.rs"),
        include_str!("health_checks.rs"),
        include_str!("load_balancer.rs"),
        include_str!("older_otel.rs"),
        include_str!("websocket.rs"),
    ] {
        assert!(page.contains(&format!("\n```rust\n{program}```\n")), "{program}");
    }
}
