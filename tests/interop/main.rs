//! `examples/relay.rs` between real Sentry SDKs, over real sockets.
//!
//! ```sh
//! tests/interop/install.sh
//! .ci/wasm # builds the Rust worker
//! cargo build --example relay
//! cargo test --features otlp-request --test interop -- --ignored
//! ```
//!
//! With `INTEROP_WORKER_ONLY=1` it stops after the Rust worker.
//!
//! `INTEROP_UPDATE=1` writes `docs/interop.md` and `tests/vectors/interop_heads.json`. Without it
//! nothing is written, and the page is compared with the run.

#![cfg(unix)]

mod apps;
mod chain;
mod checks;
mod faulty;
mod heads;
mod hops;
#[path = "../common/ids.rs"]
mod ids;
mod ingest;
mod matrix;
mod mode;
mod page;
mod pairs;
mod probes;
mod process;
mod relay;
mod relay_as_head;
mod sampling;
mod sdk;
mod stock;
mod strict;
mod tap;
mod trust;
mod wire;
mod worker;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;

use crate::apps::Apps;
use crate::ingest::Ingest;
use crate::mode::Mode;
use crate::relay::Kind;
use crate::sdk::Sdk;
use crate::stock::StockApps;

/// Serves on the test's runtime until the runtime ends. Returns the address without a path.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("the loopback interface has a free port");
    let address = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(40))
        .build()
        .expect("the client needs nothing from the system")
}

/// For the whole run, on a busy machine.
const LIMIT: Duration = Duration::from_secs(1500);

/// How long the fake Sentry waits: some SDKs send their items every five seconds.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the SDKs: see the top of tests/interop/main.rs"]
async fn real_sdks_on_both_sides() {
    // Dropping the future ends every process.
    tokio::time::timeout(LIMIT, everything()).await.expect("it ends in time");
    process::assert_none_left();
}

async fn everything() {
    let started = Instant::now();
    let done = |what: &str| println!("{:>4} s: {what}", started.elapsed().as_secs());
    let ingest = Ingest::start().await;
    let mut apps = Apps::new(&ingest);
    let mut stocks = StockApps::default();
    let worker = worker::run(&mut apps, &ingest, PATIENCE).await;
    matrix::assert_all_hold(&worker);
    done("the Rust worker in workerd");
    if std::env::var_os("INTEROP_WORKER_ONLY").is_some() {
        println!("{} checks of the worker hold", worker.len());
        return;
    }
    trust::run(&mut apps, &mut stocks, &ingest, PATIENCE).await;
    done("every broken relay is caught");
    let mut groups = Vec::new();
    for mode in Mode::ALL {
        groups.push(pairs::chains(Kind::Example(mode), &Sdk::ALL, &mut apps, &ingest).await);
    }
    done("every SDK runs");
    let (mut rows, mut outcomes) = (Vec::new(), Vec::new());
    for (more, of_mode) in pairs::run(groups, &ingest, PATIENCE).await {
        rows.extend(more);
        outcomes.extend(of_mode);
    }
    done("SDKs before and behind the relay");
    for mode in Mode::ALL {
        rows.extend(strict::run(mode, &mut apps, &ingest).await);
    }
    done("strict continuation");
    rows.extend(
        relay_as_head::run(&Mode::ALL.map(Kind::Example), &Sdk::ALL, &mut apps, &ingest, PATIENCE)
            .await,
    );
    done("the relay as the head of the trace");
    let (more, mut measured) = hops::run(&mut apps, &mut stocks, &ingest).await;
    rows.extend(more);
    done("stock services between, behind and before relays");
    let (more, last) = sampling::run(&mut apps, &mut stocks, &ingest).await;
    rows.extend(more);
    measured.push(last);
    done("stock samplers");
    let mut probes = probes::run(&mut apps, &ingest).await;
    probes.extend(checks::envelopes(&outcomes, &ingest));
    done("what the SDKs do with our headers");

    let page = page::markdown(&rows, &outcomes, &probes, &measured, &worker);
    let heads = heads::json(&heads::record(&outcomes));
    // A page with failing rows shows them and must not be committed.
    if update() {
        written("docs/interop.md", &page);
        written("tests/vectors/interop_heads.json", &heads);
    }
    matrix::assert_all_hold(&rows);
    println!("{} checks hold", rows.len());
    written("docs/interop.md", &page);
}

fn update() -> bool {
    std::env::var_os("INTEROP_UPDATE").is_some()
}

/// Writes the file if requested; otherwise the file must equal the contents.
fn written(file: &str, content: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if update() {
        std::fs::write(&path, content).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == content, "{file} differs from this run; INTEROP_UPDATE=1 rewrites it");
}
