//! A distributed trace to watch: storefront -> checkout -> auth, three HTTP services on loopback.
//!
//! Requests come in as real Sentry SDKs send them (recorded headers), without headers, unsampled,
//! undecided, and from another organization. Each trace is printed as a tree, with the headers that
//! every service received. The example fails if a trace is not whole.
//!
//! ```sh
//! cargo run --example distributed_trace
//! cargo run --example distributed_trace -- --only vue
//! ```

mod check;
mod color;
#[path = "../common/exit.rs"]
mod exit;
mod page;
mod profile;
mod requests;
mod services;
mod tree;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use color::Palette;
use lexopt::prelude::{Long, Short, ValueExt};
use services::Shop;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => {
            eprintln!("distributed_trace: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Other(error)) => exit::code("distributed_trace", Err(error)),
    }
}

const USAGE: &str = "\
usage: distributed_trace [--only NAME]

  --only NAME   the requests of one caller: node, browser, vue, cloudflare, python, ruby, rust,
                or visitor, which sends no trace headers";

/// A wrong command line, or a run that failed.
enum Failure {
    Usage(String),
    Other(Box<dyn Error>),
}

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Other(error.into())
    }
}

/// The name of the caller whose requests are sent; `None` for all. `Err` is for `--help`.
fn only(mut parser: lexopt::Parser) -> Result<Option<String>, Option<lexopt::Error>> {
    let mut only = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("only") => only = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Err(None),
            other => return Err(Some(other.unexpected())),
        }
    }
    Ok(only)
}

/// Sends every request. Fails if a trace is not whole.
async fn run() -> Result<(), Failure> {
    let mut stdout = io::stdout();
    let only = match only(lexopt::Parser::from_env()) {
        Ok(only) => only,
        Err(None) => return Ok(writeln!(stdout, "{USAGE}")?),
        Err(Some(error)) => return Err(Failure::Usage(error.to_string())),
    };
    let mut requests = requests::all()?;
    if let Some(only) = &only {
        requests.retain(|request| request.caller == *only);
        if requests.is_empty() {
            return Err(Failure::Usage(format!("no caller has the name {only}")));
        }
    }
    let palette = Palette::of_stdout();
    let shop = Shop::open().await?;

    stdout.write_all(page::introduction(palette).as_bytes())?;
    let mut whole = 0;
    for (index, request) in requests.iter().enumerate() {
        let observed = shop.serve(request).await?;
        let problems = check::problems(request, &observed);
        let number = format!("{}/{}", index + 1, requests.len());
        let page = page::page(&number, request, &observed, &problems, palette);
        stdout.write_all(page.as_bytes())?;
        whole += usize::from(problems.is_empty());
    }

    let all = requests.len();
    if whole < all {
        return Err(format!("{} of {all} traces are not whole", all - whole).into());
    }
    let plural = if all == 1 { "" } else { "s" };
    let held = format!("Held: {all} request{plural}, {whole} whole trace{plural}");
    Ok(writeln!(stdout, "{}", palette.good(&held))?)
}
