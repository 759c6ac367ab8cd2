//! Three relays in a row under load, with faults: services are killed and restarted while requests
//! of every kind run through them.
//!
//! Fails if a relay panics, if an answered request with a valid trace is split or gets another
//! request's trace, or if memory grows.

mod chain;
mod mix;
mod oracle;
mod sink;

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chain::Chain;
use lexopt::prelude::{Long, ValueExt};
use mix::{Kind, Request};
use oracle::Outcome;
use reqwest::Client;

const WORKERS: u64 = 32;
/// Buffers and pools fill up first. A fifth of fewer requests would not warm them up.
const MIN_REQUESTS_FOR_MEMORY: u64 = 50_000;
const MAX_FAULTS_SHOWN: usize = 10;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const WHOLE_TIMEOUT: Duration = Duration::from_secs(1800);

struct Options {
    requests: u64,
    restarts: u64,
    seed: u64,
    /// Expects the wrong flag for one kind of request, so that the run must fail.
    wrong: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match tokio::time::timeout(WHOLE_TIMEOUT, run()).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("load: not done after {WHOLE_TIMEOUT:?}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options { requests: 5000, restarts: 2, seed: 1, wrong: false };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("requests") => options.requests = parser.value()?.parse()?,
            Long("restarts") => options.restarts = parser.value()?.parse()?,
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("wrong") => options.wrong = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

/// The counts that all workers share.
#[derive(Default)]
struct Tally {
    next: AtomicU64,
    answered: AtomicU64,
    unanswered: AtomicU64,
    faults: Mutex<Vec<String>>,
    seen: Mutex<std::collections::HashSet<String>>,
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    println!("{} requests, {} restarts, seed {}", options.requests, options.restarts, options.seed);
    let sink = sink::start().await?;
    let mut chain = Chain::start(sink).await?;
    let client = Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?;
    let tally = Arc::new(Tally::default());
    let start = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (tally, client, url) = (Arc::clone(&tally), client.clone(), chain.url());
            let (requests, seed, wrong) = (options.requests, options.seed, options.wrong);
            tokio::spawn(async move {
                loop {
                    let number = tally.next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return;
                    }
                    one(&tally, &client, &url, &Request::new(number, seed), wrong).await;
                }
            })
        })
        .collect();

    // Memory is measured from here: by now every buffer and pool has been used.
    wait_for(&tally, options.requests / 5).await;
    let warm = chain.memory()?;
    for restart in 0..options.restarts {
        let at = options.requests * (restart + 2) / (options.restarts + 2);
        wait_for(&tally, at).await;
        // The first relay is never killed: its memory is measured.
        chain.restart(1 + (restart as usize) % 2).await?;
    }
    for worker in workers {
        worker.await?;
    }
    let memory = chain.memory()?;
    let elapsed = start.elapsed();
    let log = chain.stop().await?;
    report(&tally, options.requests, elapsed, (warm, memory), &log)
}

async fn wait_for(tally: &Tally, count: u64) {
    while tally.next.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn one(tally: &Tally, client: &Client, url: &str, request: &Request, wrong: bool) {
    let mut call = client.get(url);
    for (name, value) in request.headers() {
        call = call.header(name, value);
    }
    let answer = match call.send().await {
        Ok(answer) => answer.text().await.ok(),
        Err(_) => None,
    };
    match oracle::judge(request, answer.as_deref(), wrong) {
        Outcome::Unanswered => {
            tally.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        Outcome::Right { trace_id } => {
            tally.answered.fetch_add(1, Ordering::Relaxed);
            if !tally.seen.lock().expect("no worker panics").insert(trace_id) {
                fault(tally, request.kind, "a trace of two requests");
            }
        }
        Outcome::Wrong(what) => fault(tally, request.kind, &what),
    }
}

fn fault(tally: &Tally, kind: Kind, what: &str) {
    tally.faults.lock().expect("no worker panics").push(format!("{kind:?}: {what}"));
}

fn report(
    tally: &Tally,
    requests: u64,
    elapsed: Duration,
    (warm, memory): (u64, u64),
    log: &str,
) -> Result<(), Box<dyn Error>> {
    let (answered, unanswered) =
        (tally.answered.load(Ordering::Relaxed), tally.unanswered.load(Ordering::Relaxed));
    let faults = tally.faults.lock().expect("no worker panics");
    println!("{answered} whole, {unanswered} unanswered, {} faults in {elapsed:.1?}", faults.len());
    println!("memory of the first relay: {warm} kB after warm-up, {memory} kB at the end");
    println!("{} lines of log from three relays", log.lines().count());
    faults.iter().take(MAX_FAULTS_SHOWN).for_each(|fault| println!("  {fault}"));
    if !faults.is_empty() {
        return Err(format!("{} answers are wrong", faults.len()).into());
    }
    if log.contains("panicked") {
        return Err("a relay panicked".into());
    }
    // A kill loses the requests in flight and those before the restart. Most must succeed.
    if answered < requests / 2 {
        return Err("less than half of all requests were answered".into());
    }
    if requests < MIN_REQUESTS_FOR_MEMORY {
        println!("memory is checked from {MIN_REQUESTS_FOR_MEMORY} requests up");
    } else if memory > warm + warm / 10 {
        return Err("memory grew by more than a tenth".into());
    }
    Ok(())
}
