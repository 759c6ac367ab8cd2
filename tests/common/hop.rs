//! Sends a trace through one service with the real SDK.

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use opentelemetry_sentry::{Sentry, SentryTrace, BAGGAGE_HEADER, SENTRY_TRACE_HEADER};

/// The result of one request through one service.
pub(crate) struct Hop {
    /// The context of its client span.
    pub(crate) client: SpanContext,
    /// The headers that its client span sent.
    pub(crate) sent: HeaderMap,
    /// The spans it exported, the client span first.
    pub(crate) recorded: Vec<SpanData>,
}

impl Hop {
    /// The outgoing `sentry-trace`.
    pub(crate) fn sentry_trace(&self) -> Option<SentryTrace> {
        header(&self.sent, SENTRY_TRACE_HEADER).map(|value| value.parse().expect(value))
    }
}

/// One service: a SERVER span below the incoming trace, a CLIENT span to `url` below it, and its headers.
pub(crate) fn hop(sentry: &Sentry, incoming: &HeaderMap, name: &str, url: &str) -> Hop {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(exporter.clone())
        .build();
    let tracer = provider.tracer("hop");
    let propagator = sentry.propagator();

    let parent = propagator.extract_with_context(&Context::new(), &HeaderExtractor(incoming));
    let server = tracer
        .span_builder(name.to_owned())
        .with_kind(SpanKind::Server)
        .start_with_context(&tracer, &parent);
    let server = parent.with_span(server);
    let client = tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("url.full", url.to_owned())])
        .start_with_context(&tracer, &server);
    let client = server.with_span(client);

    let mut sent = HeaderMap::new();
    propagator.inject_context(&client, &mut HeaderInjector(&mut sent));
    client.span().end();
    server.span().end();
    Hop {
        client: client.span().span_context().clone(),
        sent,
        recorded: exporter.get_finished_spans().expect("exported spans"),
    }
}

/// The header's value if it occurs once, or `None` if it is absent.
#[track_caller]
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    assert!(headers.get_all(name).iter().count() <= 1, "two {name}");
    headers.get(name).map(|value| value.to_str().expect("text"))
}

/// The `sentry-*` members of the baggage header as key (without the prefix) and value, in order.
pub(crate) fn dsc(headers: &HeaderMap) -> Vec<(&str, &str)> {
    header(headers, BAGGAGE_HEADER)
        .unwrap_or_default()
        .split(',')
        .filter_map(|member| member.strip_prefix("sentry-")?.split_once('='))
        .collect()
}
