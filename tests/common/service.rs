//! One service: a tracer whose new traces all have [`TRACE_ID`], a propagator, and its exported spans.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanBuilder, SpanId, SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, InMemorySpanExporter, SamplingDecision, SamplingResult, SdkTracer,
    SdkTracerProvider, ShouldSample, SpanData,
};
use opentelemetry_sentry::Sentry;

use super::{inject, Headers, TRACE_ID};

pub(crate) struct Service {
    pub(crate) sentry: Sentry,
    pub(crate) tracer: SdkTracer,
    exporter: InMemorySpanExporter,
}

impl Service {
    /// A service with any sampler.
    pub(crate) fn new(sentry: &Sentry, sampler: impl ShouldSample + 'static) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_id_generator(OneTraceId)
            .with_simple_exporter(exporter.clone())
            .build();
        Service { sentry: sentry.clone(), tracer: provider.tracer("test"), exporter }
    }

    /// A service with the sampler of its settings.
    #[cfg(feature = "sdk")]
    pub(crate) fn of(sentry: &Sentry) -> Self {
        Self::new(sentry, sentry.sampler())
    }

    pub(crate) fn receive(&self, headers: &Headers) -> Context {
        self.sentry.propagator().extract_with_context(&Context::new(), headers)
    }

    pub(crate) fn start(
        &self,
        parent: &Context,
        kind: SpanKind,
        name: &str,
        attributes: &[KeyValue],
    ) -> Context {
        let builder = SpanBuilder::from_name(name.to_owned())
            .with_kind(kind)
            .with_attributes(attributes.iter().cloned());
        parent.with_span(self.tracer.build_with_context(builder, parent))
    }

    pub(crate) fn server(&self, parent: &Context, name: &str) -> Context {
        self.start(parent, SpanKind::Server, name, &[])
    }

    pub(crate) fn client(&self, parent: &Context) -> Context {
        self.start(parent, SpanKind::Client, "GET", &[])
    }

    pub(crate) fn client_to(&self, parent: &Context, url: &str) -> Context {
        let url = KeyValue::new("url.full", url.to_owned());
        self.start(parent, SpanKind::Client, "GET", &[url])
    }

    pub(crate) fn send(&self, cx: &Context) -> Headers {
        inject(&self.sentry.propagator(), cx)
    }

    /// The headers of a client span below a server span.
    pub(crate) fn relay(&self, headers: &Headers) -> Headers {
        self.send(&self.client(&self.server(&self.receive(headers), "relay")))
    }

    /// Ends the span and returns it if it was exported.
    pub(crate) fn end(&self, cx: &Context) -> Option<SpanData> {
        cx.span().end();
        let span_id = cx.span().span_context().span_id();
        let spans = self.exporter.get_finished_spans().expect("exported spans");
        spans.into_iter().find(|span| span.span_context.span_id() == span_id)
    }
}

#[derive(Debug)]
struct OneTraceId;

impl IdGenerator for OneTraceId {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_hex(TRACE_ID).unwrap()
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(rand::random_range(1..=u64::MAX))
    }
}

/// Wraps any sampler in one type.
#[derive(Clone, Debug)]
pub(crate) struct Boxed(pub(crate) Box<dyn ShouldSample>);

impl ShouldSample for Boxed {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.0.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}

/// Another party's sampler: a fixed decision, and optionally a `tracestate` member.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) decision: SamplingDecision,
    pub(crate) member: Option<(&'static str, &'static str)>,
}

impl ShouldSample for Foreign {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.map(|cx| cx.span().span_context().trace_state().clone());
        let mut trace_state = parent.unwrap_or_default();
        if let Some((key, value)) = self.member {
            trace_state = trace_state.insert(key, value).expect("a member");
        }
        SamplingResult { decision: self.decision.clone(), attributes: Vec::new(), trace_state }
    }
}
