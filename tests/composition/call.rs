//! One request through one service: a SERVER span below the incoming trace, a CLIENT span below that.
#![allow(dead_code)] // Each test uses only part of it.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, InMemorySpanExporter, SdkTracerProvider, ShouldSample, SpanData,
};
use opentelemetry_sentry::OutgoingUrlExt;

/// The id of each trace that starts here.
pub(crate) const NEW_TRACE: TraceId =
    TraceId::from_bytes(0x4c79_4bb7_2e0f_4a4b_8f5a_1c9d_3e2b_7a60_u128.to_be_bytes());

/// Predictable ids.
#[derive(Debug)]
struct Ids(AtomicU64);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEW_TRACE
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The parameters of the service's call.
#[derive(Clone, Copy, Default)]
pub(crate) struct Call<'a> {
    /// The server span's name.
    pub(crate) name: &'a str,
    /// The members that the service adds to the context's baggage.
    pub(crate) baggage: &'a [(&'static str, &'static str)],
    /// The CLIENT span's `url.full`.
    pub(crate) url_full: Option<&'a str>,
    /// Added to the context before the CLIENT span starts.
    pub(crate) url_before: Option<&'a str>,
    /// Added to the context for inject.
    pub(crate) url_at_inject: Option<&'a str>,
    pub(crate) suppressed: bool,
}

/// The result.
pub(crate) struct Called {
    /// The context that `extract` returned.
    pub(crate) extracted: Context,
    /// The context from which the headers were injected.
    pub(crate) client: Context,
    /// The spans it exported, the CLIENT span first.
    pub(crate) recorded: Vec<SpanData>,
}

impl Called {
    pub(crate) fn parent(&self) -> SpanContext {
        self.extracted.span().span_context().clone()
    }

    pub(crate) fn span_context(&self) -> SpanContext {
        self.client.span().span_context().clone()
    }
}

pub(crate) fn call(
    propagator: &dyn TextMapPropagator,
    sampler: impl ShouldSample + 'static,
    incoming: &dyn Extractor,
    call: Call<'_>,
    outgoing: &mut dyn Injector,
) -> Called {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_id_generator(Ids(AtomicU64::new(0xc0de)))
        .with_simple_exporter(exporter.clone())
        .build();
    let tracer = provider.tracer("call");

    let extracted = propagator.extract_with_context(&Context::new(), incoming);
    let server = tracer
        .span_builder(call.name.to_owned())
        .with_kind(SpanKind::Server)
        .start_with_context(&tracer, &extracted);
    let mut context = extracted.with_span(server);
    let server = context.clone();
    if !call.baggage.is_empty() {
        let known = context.baggage().iter();
        let mut baggage: Baggage = known.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in call.baggage {
            let _ = baggage.insert(*key, *value);
        }
        context = context.with_baggage(baggage);
    }
    if let Some(url) = call.url_before {
        context = context.with_outgoing_url(url);
    }
    let url = call.url_full.map(|url| KeyValue::new("url.full", url.to_owned()));
    let client = tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes(url)
        .start_with_context(&tracer, &context);
    let mut client = context.with_span(client);
    if let Some(url) = call.url_at_inject {
        client = client.with_outgoing_url(url);
    }
    if call.suppressed {
        client = client.with_telemetry_suppressed();
    }
    propagator.inject_context(&client, outgoing);
    client.span().end();
    server.span().end();
    Called { extracted, client, recorded: exporter.get_finished_spans().expect("exported spans") }
}
