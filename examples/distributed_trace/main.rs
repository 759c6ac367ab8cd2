//! A distributed trace to watch: storefront -> checkout -> auth, three HTTP services on loopback.
//!
//! Requests come in as real Sentry SDKs send them (recorded headers), without headers, unsampled,
//! undecided, and from another organisation. Each trace is printed as a tree, with the headers that
//! every service saw. The exit code is not zero when a trace that should be one is not.
//!
//! ```sh
//! cargo run --example distributed_trace
//! ```

mod check;
mod colour;
mod page;
mod profile;
mod requests;
mod services;
mod tree;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use colour::Palette;
use services::Shop;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("distributed_trace: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays every request in; true when every trace is as it should be.
async fn run() -> Result<bool, Box<dyn Error>> {
    let palette = Palette::of_stdout();
    let mut stdout = io::stdout();
    let shop = Shop::open().await?;
    let requests = requests::all()?;

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

    let summary = format!("{} requests, {whole} traces whole", requests.len());
    let all_whole = whole == requests.len();
    let summary = match all_whole {
        true => palette.good(&summary),
        false => palette.bad(&summary),
    };
    writeln!(stdout, "{summary}")?;
    Ok(all_whole)
}
