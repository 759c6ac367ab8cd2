//! Sentry beside W3C: a Sentry service, a stock OpenTelemetry service and a Sentry service in one
//! trace, over HTTP on loopback.
//!
//! The service in the middle knows `traceparent` and `baggage`, but not Sentry. The example prints the
//! headers of each hop and what happened to trace, decision and sampling context. It fails if any of
//! them was lost.
//!
//! ```sh
//! cargo run --manifest-path stacks/services/Cargo.toml --example beside_w3c
//! ```

mod check;
mod page;
mod services;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use page::Paint;
use services::Shop;

/// The requests.
struct Request {
    caller: &'static str,
    about: &'static str,
    headers: &'static [(&'static str, &'static str)],
    sampled: bool,
}

const REQUESTS: [Request; 3] = [
    Request {
        caller: "visitor",
        about: "sends no trace headers; the storefront starts the trace",
        headers: &[],
        sampled: true,
    },
    Request {
        caller: "browser",
        about: "is in a trace that its Sentry SDK has sampled",
        headers: &[
            ("sentry-trace", "a34e32a9816140dc9edec5160f43d589-ba7c11a2bfe24e1e-1"),
            (
                "baggage",
                "sentry-environment=production,sentry-release=shop-browser%402.1.0%2Bb9,\
                 sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
                 sentry-trace_id=a34e32a9816140dc9edec5160f43d589,sentry-sampled=true,\
                 sentry-sample_rand=0.1829431,sentry-sample_rate=0.25",
            ),
        ],
        sampled: true,
    },
    Request {
        caller: "browser",
        about: "is in a trace that its Sentry SDK has not sampled: no span is exported",
        headers: &[
            ("sentry-trace", "f4546451f7c1491abcb004a3fac97663-8da95fb5274e848d-0"),
            (
                "baggage",
                "sentry-environment=production,sentry-release=shop-browser%402.1.0%2Bb9,\
                 sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
                 sentry-trace_id=f4546451f7c1491abcb004a3fac97663,sentry-sampled=false,\
                 sentry-sample_rand=0.8027115,sentry-sample_rate=0.25",
            ),
        ],
        sampled: false,
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("beside_w3c: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends every request; true if nothing was lost.
async fn run() -> Result<bool, Box<dyn Error>> {
    let paint = Paint::of_stdout();
    let mut stdout = io::stdout();
    let shop = Shop::open().await?;

    stdout.write_all(page::introduction(paint).as_bytes())?;
    let mut whole = 0;
    for (index, request) in REQUESTS.iter().enumerate() {
        let observed = shop.serve(request.headers).await?;
        let problems = check::problems(request, &observed);
        let number = format!("{}/{}", index + 1, REQUESTS.len());
        let page = page::page(&number, request, &observed, &problems, paint);
        stdout.write_all(page.as_bytes())?;
        whole += usize::from(problems.is_empty());
    }
    let all_whole = whole == REQUESTS.len();
    let summary = format!("{} requests, {whole} traces whole", REQUESTS.len());
    writeln!(stdout, "{}", paint.verdict(all_whole, &summary))?;
    Ok(all_whole)
}
