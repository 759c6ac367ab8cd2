//! A program starts another one. The environment puts both in one trace.
//!
//! ```sh
//! cargo run --example child_process
//! ```

#[path = "common/exit.rs"]
mod exit;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, TraceData};

/// The argument that tells this program that it is the child.
const CHILD: &str = "child";

fn main() -> ExitCode {
    let run = if env::args().nth(1).as_deref() == Some(CHILD) { child } else { parent };
    exit::code("child_process", run())
}

fn sentry(release: &str) -> Result<Sentry, Box<dyn Error>> {
    let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").release(release);
    Ok(builder.traces_sample_rate(1.0).build()?)
}

/// Starts the children and compares their answers with its own span.
fn parent() -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout();
    writeln!(stdout, "Shows: a child process continues its parent's trace, by SENTRY_TRACE\n")?;
    let sentry = sentry("importer@1.0.0")?;
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let cx = Context::new().with_span(provider.tracer("importer").start("nightly import"));
    let own = cx.span().span_context().clone();
    let trace_id = own.trace_id().to_string();
    let mut line = |process: &str, trace_id: &str, note: &str| {
        writeln!(stdout, "{process:22}  trace {trace_id}  {note}")
    };
    line("parent", &trace_id, &format!("its span is {}", own.span_id()))?;

    let data = trace_data(&sentry.propagator(), &cx);
    let continued = start_child(&data, &[])?;
    line("child", &continued.trace_id, &format!("its parent is {}", continued.parent))?;
    if continued.trace_id != trace_id || continued.parent != own.span_id().to_string() {
        return Err("the child is not below the parent's span".into());
    }

    let data_off = [("SENTRY_USE_ENVIRONMENT", "false")];
    let ignoring = start_child(&data, &data_off)?;
    line("child that ignores it", &ignoring.trace_id, "a new trace: SENTRY_USE_ENVIRONMENT=false")?;

    // Nothing to send hides the variables that this process may have inherited itself.
    let nothing = trace_data(&sentry.propagator(), &Context::new());
    let alone = start_child(&nothing, &[])?;
    line("child of no span", &alone.trace_id, "a new trace: there is none to continue")?;
    if [&ignoring.trace_id, &alone.trace_id].contains(&&trace_id) {
        return Err("a child that starts its own trace has the parent's".into());
    }
    writeln!(stdout, "\nHeld: one child continues the trace, the other two start their own")?;
    Ok(())
}

/// The span of a child.
struct Child {
    trace_id: String,
    parent: String,
}

fn start_child(data: &TraceData, more: &[(&str, &str)]) -> Result<Child, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child.arg(CHILD).envs(data.to_env()).envs(more.iter().copied());
    let output = child.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let line = String::from_utf8(output.stdout)?;
    let (trace_id, parent) = line.trim().split_once(' ').ok_or("the child says something else")?;
    Ok(Child { trace_id: trace_id.to_owned(), parent: parent.to_owned() })
}

/// Continues the trace of the process that started this one, and prints its span's ids.
fn child() -> Result<(), Box<dyn Error>> {
    let sentry = sentry("resizer@3.1.4")?;
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(exporter.clone())
        .build();
    let cx = continue_trace(&sentry.propagator(), &TraceData::from_env());
    drop(provider.tracer("resizer").start_with_context("resize", &cx));

    let span = exporter.get_finished_spans()?.pop().ok_or("the child's span was not recorded")?;
    writeln!(io::stdout(), "{} {}", span.span_context.trace_id(), span.parent_span_id)?;
    Ok(())
}
