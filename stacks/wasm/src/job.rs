//! A short-lived program: continues the trace of its parent process, and prints what it would pass
//! to child processes and send to Sentry. `run.mjs` runs it with Node.

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, TraceData};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sentry = Sentry::from_env()?;
    let propagator = sentry.propagator();
    let spans = sentry.span_buffer();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(spans.clone())
        .build();

    let parent = continue_trace(&propagator, &TraceData::from_env());
    let job = provider.tracer("job").start_with_context("resize images", &parent);
    let cx = parent.with_span(job);
    for (name, value) in trace_data(&propagator, &cx).to_env() {
        println!("{name}={value}");
    }
    drop(cx);
    if let Some(request) = spans.take_request() {
        println!("POST {} {}", request.url(), request.body().len());
    }

    let undecided = sentry.start_deferred_trace(&Context::new());
    for (name, value) in trace_data(&propagator, &undecided) {
        println!("deferred {name}: {value}");
    }
    Ok(())
}
