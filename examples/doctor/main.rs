//! Explains what this crate does with a request's trace headers, and why.
//!
//! ```sh
//! cargo install opentelemetry-sentry --example doctor
//! doctor --sentry-trace 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1
//! curl -sv http://localhost:8080/ 2>&1 | doctor --rate 0.2
//! ```
//!
//! In the repository, `cargo run --example doctor --` stands for `doctor`.

mod advice;
mod arguments;
mod cors;
mod curl;
mod dump;
mod explain;
mod grammar;
mod report;
mod request;
mod rows;
mod sampling;
mod text;

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use arguments::{Arguments, USAGE};

/// More than any service accepts in headers.
const MAX_INPUT_BYTES: u64 = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // `doctor .. | head` has read enough.
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doctor: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = Arguments::parse(lexopt::Parser::from_env())?;
    let mut out = anstream::stdout().lock();
    if arguments.help {
        return Ok(writeln!(out, "{USAGE}")?);
    }
    if arguments.request.is_empty() && !io::stdin().is_terminal() {
        let mut input = Vec::new();
        io::stdin().take(MAX_INPUT_BYTES).read_to_end(&mut input)?;
        arguments.request = dump::read(&String::from_utf8_lossy(&input));
    }
    if arguments.request.is_empty() && arguments.request.answer.is_some() {
        let missing = "This is an answer without its request: `curl -v` shows both.";
        return Ok(writeln!(out, "{missing}\n\n{USAGE}")?);
    }
    if arguments.request.is_empty() {
        return Ok(writeln!(out, "There are no headers to explain.\n\n{USAGE}")?);
    }
    let report = explain::explain(&arguments)?;
    if arguments.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?);
    }
    Ok(out.write_all(text::render(&report).as_bytes())?)
}
