//! OpenTelemetry with Sentry's propagator and sampler, once for each isolate.

use std::sync::OnceLock;

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{Sentry, SentryPropagator, SpanBuffer};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Result};

pub(crate) struct Telemetry {
    /// `sentry-trace` and `baggage`; with `SENTRY_PROPAGATE_TRACEPARENT` W3C's `traceparent`, too.
    pub(crate) propagator: SentryPropagator,
    /// The spans that have ended.
    pub(crate) spans: SpanBuffer,
    tracer: SdkTracer,
}

impl Telemetry {
    /// The isolate's own; its bindings are the same in every request.
    pub(crate) fn of(env: &Env) -> Result<&'static Self> {
        static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
        if let Some(telemetry) = TELEMETRY.get() {
            return Ok(telemetry);
        }
        let telemetry = Self::new(env)?;
        Ok(TELEMETRY.get_or_init(|| telemetry))
    }

    fn new(env: &Env) -> Result<Self> {
        let sentry = Sentry::builder()
            .env_from(|name| text_binding(env, name))
            .build()
            .map_err(|error| error.to_string())?;
        let spans = sentry.span_buffer();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_resource(Resource::builder().with_service_name("cloudflare-worker").build())
            .with_simple_exporter(spans.clone())
            .build();
        Ok(Telemetry {
            propagator: sentry.propagator(),
            spans,
            tracer: provider.tracer("cloudflare-worker"),
        })
    }

    /// Starts a span below `parent`; it ends when the returned context goes. The sampler and the
    /// targets see the attributes that are given at the start, and no later ones.
    pub(crate) fn start_span(
        &self,
        name: &'static str,
        kind: SpanKind,
        attribute: KeyValue,
        parent: &Context,
    ) -> Context {
        let span = self
            .tracer
            .span_builder(name)
            .with_kind(kind)
            .with_attributes([KeyValue::new("http.request.method", "GET"), attribute])
            .start_with_context(&self.tracer, parent);
        parent.with_span(span)
    }
}

/// Not `Env::var`: `workerd` binds an unset variable of the environment to `null`, on which that
/// throws.
fn text_binding(env: &Env, name: &str) -> Option<String> {
    Reflect::get(env.as_ref(), &JsValue::from_str(name)).ok()?.as_string()
}
