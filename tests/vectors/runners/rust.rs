//! This crate as a subject of `suite.py`: reads one request per line and writes one answer per
//! line.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Write};

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{
    continue_trace, trace_data, ConfigError, MessageExtractor, Sentry, SentryPropagator,
    SentryTrace, SENTRY_TRACE_HEADER,
};
use serde::Deserialize;
use serde_json::{json, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    headers: Vec<(String, String)>,
    settings: Settings,
    span: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dsn: String,
    release: String,
    environment: String,
    traces_sample_rate: Option<f64>,
    traces_sampler: Option<f64>,
    inherit_or_sample_with: Option<f64>,
    trace_propagation_targets: Option<Vec<String>>,
    strict_trace_continuation: Option<bool>,
    org_id: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let hello = json!({"sdk": "opentelemetry-sentry", "version": env!("CARGO_PKG_VERSION")});
    writeln!(out, "{hello}")?;
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", answer(serde_json::from_str(&line?)?)?)?;
    }
    Ok(())
}

fn answer(request: Request) -> Result<Value, ConfigError> {
    let sentry = request.settings.build()?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let tracer = provider.tracer("suite");
    let propagator = sentry.propagator();

    let headers = request.headers.iter().map(|(name, value)| (&**name, value.as_bytes()));
    let parent = continue_trace(&propagator, &MessageExtractor::new(headers));
    let server = tracer.span_builder(request.span).with_kind(SpanKind::Server);
    let server = parent.with_span(server.start_with_context(&tracer, &parent));
    let client = tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("url.full", request.url)]);
    let client = server.with_span(client.start_with_context(&tracer, &server));

    let sent: HashMap<_, _> = trace_data(&propagator, &client).into_iter().collect();
    Ok(json!({
        "continued": continued(&parent),
        "recorded": server.span().is_recording(),
        "sent": sent,
    }))
}

/// The headers that a service without settings would forward for the remote span.
fn continued(parent: &Context) -> Option<Value> {
    let forwarded = trace_data(&SentryPropagator::new(), parent);
    let trace: SentryTrace = forwarded.get(SENTRY_TRACE_HEADER)?.parse().ok()?;
    Some(json!({
        "trace_id": trace.trace_id().to_string(),
        "parent_span_id": trace.span_id().to_string(),
        "sampled": trace.sampled(),
    }))
}

impl Settings {
    fn build(self) -> Result<Sentry, ConfigError> {
        let mut builder = Sentry::builder()
            .dsn(self.dsn)
            .release(self.release)
            .environment(self.environment)
            .strict_trace_continuation(self.strict_trace_continuation.unwrap_or_default());
        if let Some(rate) = self.traces_sample_rate {
            builder = builder.traces_sample_rate(rate);
        }
        if let Some(rate) = self.traces_sampler {
            builder = builder.traces_sampler(move |_| rate);
        }
        if let Some(rate) = self.inherit_or_sample_with {
            builder = builder.traces_sampler(move |cx| cx.inherit_or_sample_with(rate));
        }
        if let Some(targets) = self.trace_propagation_targets {
            builder = builder.trace_propagation_targets(targets);
        }
        if let Some(org_id) = self.org_id {
            builder = builder.org_id(org_id);
        }
        builder.build()
    }
}
