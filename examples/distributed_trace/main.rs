//! A distributed trace to watch: storefront -> checkout -> auth, three HTTP services on loopback.
//!
//! Requests come in as real Sentry SDKs send them (recorded headers), without headers, unsampled,
//! undecided, and from another organization. Each trace is printed as a tree, with the headers that
//! every service received. The example fails if a trace is not whole.
//!
//! ```sh
//! cargo run --example distributed_trace
//! ```

mod check;
mod color;
mod page;
mod profile;
mod requests;
mod services;
mod tree;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use color::Palette;
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

/// Sends every request; true if every trace is whole.
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
