//! Explains what this crate does with a request's trace headers, and why.
//!
//! ```sh
//! cargo run --example doctor -- --sentry-trace 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1
//! curl -sv http://localhost:8080/ 2>&1 | cargo run --example doctor -- --rate 0.2 --json
//! ```

mod advice;
mod arguments;
mod explain;
mod grammar;
mod report;
mod request;
mod text;

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use arguments::{Arguments, USAGE};

/// More than any service accepts in headers.
const MAX_INPUT_BYTES: u64 = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doctor: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
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
        arguments.request.read_dump(&String::from_utf8_lossy(&input));
    }
    if arguments.request.is_empty() {
        return Ok(writeln!(out, "There are no headers to explain.\n\n{USAGE}")?);
    }
    let report = explain::explain(&arguments)?;
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        return Ok(writeln!(out)?);
    }
    Ok(out.write_all(text::render(&report).as_bytes())?)
}
