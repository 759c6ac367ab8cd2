//! What a person sees in Sentry: spans, an error and log lines of one trace.
//!
//! A page of a Vue shop sends two requests to a service, the second of which fails. Spans and log
//! records leave by OTLP, the error through the `sentry` crate. A loopback server takes Sentry's
//! place. What it received is printed as one tree. The program fails if anything is missing or
//! misplaced.
//!
//! ```sh
//! cargo run --example into_sentry --features otlp,sentry
//! ```

#[path = "../otlp_to_sentry/endpoint.rs"]
#[allow(dead_code)]
mod endpoint;
#[path = "../common/exit.rs"]
mod exit;
#[path = "../otlp_to_sentry/protobuf.rs"]
#[allow(dead_code)]
mod protobuf;
mod shop;
mod tree;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use endpoint::Endpoint;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sentry::{OpenTelemetryIntegration, Sentry};
use sentry_core::{Client, ClientOptions, Hub};
use shop::{Loopback, Shop};

const KEY: &str = "49d0f7386ad645858ae85020e393bef3";
pub(crate) const RELEASE: &str = "shop@1.2.3";
pub(crate) const ENVIRONMENT: &str = "staging";

fn main() -> ExitCode {
    exit::code("into_sentry", run())
}

fn run() -> Result<(), Box<dyn Error>> {
    // No proxy is asked for a server on this machine.
    std::env::set_var("NO_PROXY", "127.0.0.1");
    let endpoint = Endpoint::start()?;
    let dsn = endpoint.dsn(KEY);

    // Spans: propagator, sampler, resource and exporter in one call.
    let settings = Sentry::builder().dsn(&*dsn).release(RELEASE).environment(ENVIRONMENT);
    let sentry = settings.traces_sample_rate(1.0).build()?;
    let installed = sentry.install("shop")?;

    // Log records; with `tracing`, opentelemetry-appender-tracing makes them of its events.
    let exporter = sentry.log_exporter()?;
    let logs = SdkLoggerProvider::builder().with_batch_exporter(exporter).build();

    // Errors: `sentry::init` in a program that has the `sentry` crate.
    let options = ClientOptions::new()
        .dsn(&dsn)
        .release(RELEASE)
        .environment(ENVIRONMENT)
        .transport(Arc::new(Loopback::new(&dsn, KEY)?))
        .add_integration(OpenTelemetryIntegration::new());
    Hub::current().bind_client(Some(Arc::new(Client::from(options))));

    let shop = Shop::new(&logs);
    shop.serve("GET /cart");
    shop.serve("GET /checkout");

    // Dropping the guard would do; this says whether it worked.
    installed.shutdown()?;
    logs.shutdown()?;
    tree::print_and_check(&endpoint.take())
}
