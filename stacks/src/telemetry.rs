//! Registers Sentry's propagator and sampler as a service would.

use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use opentelemetry_sentry::Sentry;

use crate::stack::Error;

/// The service's own rate. It never overrides a caller's decision.
pub(crate) const RATE: f64 = 0.5;

/// The only propagation target.
const TARGET: &str = "http://127.0.0.1";

/// The tracer provider of a process, and its exported spans.
pub struct Telemetry {
    sentry: Sentry,
    provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
}

impl Telemetry {
    /// Registers propagator and sampler once per process.
    ///
    /// # Errors
    ///
    /// The settings are invalid.
    pub fn register() -> Result<Self, Error> {
        let sentry = Sentry::builder()
            .dsn("https://key@o1.ingest.sentry.io/42")
            .traces_sample_rate(RATE)
            .trace_propagation_targets([TARGET])
            .build()?;
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(spans.clone())
            .build();
        global::set_text_map_propagator(sentry.propagator());
        global::set_tracer_provider(provider.clone());
        Ok(Telemetry { sentry, provider, spans })
    }

    /// For `tracing-opentelemetry`, which does not use the global tracer.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("shop")
    }

    /// Sentry's propagator, alone or wrapped around W3C's.
    pub(crate) fn propagator(&self, with_w3c: bool) -> TextMapCompositePropagator {
        let sentry = self.sentry.propagator();
        TextMapCompositePropagator::new(vec![match with_w3c {
            false => Box::new(sentry),
            true => Box::new(sentry.wrap(TextMapCompositePropagator::new(vec![
                Box::new(TraceContextPropagator::new()),
                Box::new(BaggagePropagator::new()),
            ]))),
        }])
    }

    pub(crate) fn spans_of(&self, trace: &str) -> Result<Vec<SpanData>, Error> {
        let mut spans = self.spans.get_finished_spans()?;
        spans.retain(|span| span.span_context.trace_id().to_string() == trace);
        Ok(spans)
    }
}
