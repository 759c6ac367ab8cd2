//! The service under test, behind a tap: `examples/relay.rs`, or the harness's own variant of it.

use std::process::Command;

use crate::apps::workerd;
use crate::faulty::{Fault, Faulty};
use crate::ingest::Ingest;
use crate::process::{relay_binary, Process};
use crate::tap::Tap;
use crate::wire::percent_encode;

/// Of every relay; each member needs encoding.
pub(crate) const PUBLIC_KEY: &str = "relaykey";
pub(crate) const RELEASE: &str = "relay@2.1.0+b (9/é);=%41!*'";
pub(crate) const ENVIRONMENT: &str = "prod,relayü";

/// Which relay is tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Example,
    Harness(Option<Fault>),
    /// `stacks/cloudflare_worker` in workerd.
    Worker,
}

pub(crate) struct Relay {
    pub(crate) tap: Tap,
    _process: Option<Process>,
}

impl Relay {
    /// With a DSN, a release and an environment, and these settings.
    pub(crate) async fn start(
        kind: Kind,
        ingest: &Ingest,
        rate: Option<&str>,
        settings: &[(&str, &str)],
    ) -> Self {
        let rate_setting = rate.map(|rate| ("SENTRY_TRACES_SAMPLE_RATE", rate));
        let (url, process) = match kind {
            Kind::Example | Kind::Worker => {
                let mut command = match kind {
                    Kind::Worker => worker(),
                    _ => Command::new(relay_binary()),
                };
                command
                    .env("PORT", "0")
                    .env("SENTRY_DSN", ingest.dsn(&format!("{PUBLIC_KEY}@127.0.0.1"), 1))
                    .env("SENTRY_RELEASE", RELEASE)
                    .env("SENTRY_ENVIRONMENT", ENVIRONMENT)
                    .envs(rate_setting)
                    .envs(settings.iter().copied());
                let process =
                    Process::start("relay", &mut command).unwrap_or_else(|error| panic!("{error}"));
                // What is known of workerd is its port; the path is an app's.
                let url = process.url.trim_end_matches("/trace").to_owned();
                (url, Some(process))
            }
            Kind::Harness(fault) => {
                assert!(settings.is_empty(), "the harness's relay has only a rate");
                (Faulty::start(rate, fault).await, None)
            }
        };
        Self { tap: Tap::before(&url).await, _process: process }
    }

    /// The address that relays to `to`; `id` makes the request known to the tap.
    pub(crate) fn url(&self, to: &str, id: &str) -> String {
        format!("{}/relay?id={id}&to={}", self.tap.address, percent_encode(to))
    }
}

/// The Rust worker, as its build script left it; its bindings come from the environment.
fn worker() -> Command {
    let built =
        concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/cloudflare_worker/build/workerd.capnp");
    assert!(std::path::Path::new(built).is_file(), "run `stacks/cloudflare_worker/build.sh` first");
    let mut command = workerd(built);
    command.arg("--socket-addr=http=127.0.0.1:0");
    command
}
