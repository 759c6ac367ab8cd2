//! A program starts another one. The environment puts both in one trace.
//!
//! ```sh
//! cargo run --example child_process
//! ```

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

use opentelemetry::trace::{SpanContext, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, TraceData};

/// The argument that tells this program that it is the child.
const CHILD: &str = "child";

fn main() -> ExitCode {
    let run = if env::args().nth(1).as_deref() == Some(CHILD) { child } else { parent };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("child_process: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sentry(release: &str) -> Result<Sentry, Box<dyn Error>> {
    let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").release(release);
    Ok(builder.traces_sample_rate(1.0).build()?)
}

/// Starts the children and compares their answers with its own span.
fn parent() -> Result<(), Box<dyn Error>> {
    let sentry = sentry("importer@1.0.0")?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let cx = Context::new().with_span(provider.tracer("importer").start("nightly import"));
    let own = cx.span().span_context().clone();
    let mut stdout = io::stdout();
    writeln!(stdout, "parent: trace {} span {}", own.trace_id(), own.span_id())?;

    let data = trace_data(&sentry.propagator(), &cx);
    let continued = start_child(&data, &[])?;
    writeln!(stdout, "child:  {continued}")?;
    assert_eq!(continued, describe(&own), "the child's parent is our span");

    let data_off = [("SENTRY_USE_ENVIRONMENT", "false")];
    let alone = start_child(&data, &data_off)?;
    writeln!(stdout, "child that does not look: {alone}")?;
    assert!(!alone.contains(&own.trace_id().to_string()));

    // Nothing to send hides the variables that this process may have inherited itself.
    let nothing = trace_data(&sentry.propagator(), &Context::new());
    let alone = start_child(&nothing, &[])?;
    writeln!(stdout, "child of no span:         {alone}")?;
    assert!(!alone.contains(&own.trace_id().to_string()));
    Ok(())
}

/// What a child prints about the parent of its span.
fn start_child(data: &TraceData, more: &[(&str, &str)]) -> Result<String, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child.arg(CHILD).envs(data.to_env()).envs(more.iter().copied());
    let output = child.output()?;
    if !output.status.success() {
        return Err("the child failed".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn describe(parent: &SpanContext) -> String {
    format!(
        "trace {} below {}, sampled: {}",
        parent.trace_id(),
        parent.span_id(),
        parent.is_sampled()
    )
}

/// Continues the trace of the process that started this one, and prints it.
fn child() -> Result<(), Box<dyn Error>> {
    let sentry = sentry("resizer@3.1.4")?;
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(exporter.clone())
        .build();
    let cx = continue_trace(&sentry.propagator(), &TraceData::from_env());
    drop(provider.tracer("resizer").start_with_context("resize", &cx));

    let span = exporter.get_finished_spans()?.pop().ok_or("no span was recorded")?;
    let parent = SpanContext::new(
        span.span_context.trace_id(),
        span.parent_span_id,
        span.span_context.trace_flags(),
        true,
        Default::default(),
    );
    writeln!(io::stdout(), "{}", describe(&parent))?;
    Ok(())
}
