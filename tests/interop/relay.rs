//! The service under test, behind a tap: `examples/relay.rs`, or the harness's own variant of it.

use std::process::Command;

use crate::apps::workerd;
use crate::faulty::{Fault, Faulty};
use crate::ingest::Ingest;
use crate::mode::Mode;
use crate::process::{relay_binary, Process};
use crate::tap::Tap;
use crate::wire::percent_encode;

/// The release of every relay. Each part needs encoding.
pub(crate) const PUBLIC_KEY: &str = "relaykey";
pub(crate) const RELEASE: &str = "relay@2.1.0+b (9/é);=%41!*'";
pub(crate) const ENVIRONMENT: &str = "prod,relayü";

/// The relay to test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Example(Mode),
    Harness(Mode, Option<Fault>),
    /// `stacks/cloudflare_worker` in workerd.
    Worker,
}

impl Kind {
    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::Example(mode) | Self::Harness(mode, _) => mode,
            Self::Worker => Mode::Alone,
        }
    }
}

/// It does not read standard input; the shell ends it with the test.
fn example() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "\"$0\" & cat > /dev/null; kill $!"]).arg(relay_binary());
    command
}

pub(crate) struct Relay {
    pub(crate) mode: Mode,
    pub(crate) tap: Tap,
    _process: Option<Process>,
}

impl Relay {
    /// Starts it with a DSN, a release, an environment and these settings.
    pub(crate) async fn start(
        kind: Kind,
        ingest: &Ingest,
        rate: Option<&str>,
        settings: &[(&str, &str)],
    ) -> Self {
        let rate_setting = rate.map(|rate| ("SENTRY_TRACES_SAMPLE_RATE", rate));
        let (mode, url, process) = match kind {
            Kind::Example(_) | Kind::Worker => {
                let mut command = match kind {
                    Kind::Worker => worker(),
                    _ => example(),
                };
                command
                    .env("PORT", "0")
                    .env("COMPOSE", kind.mode().name())
                    .env("SENTRY_DSN", ingest.dsn(&format!("{PUBLIC_KEY}@127.0.0.1"), 1))
                    .env("SENTRY_RELEASE", RELEASE)
                    .env("SENTRY_ENVIRONMENT", ENVIRONMENT)
                    .envs(rate_setting)
                    .envs(settings.iter().copied());
                let process =
                    Process::start("relay", &mut command).unwrap_or_else(|error| panic!("{error}"));
                // workerd reports only its port; the path is the app's.
                let url = process.url.trim_end_matches("/trace").to_owned();
                (kind.mode(), url, Some(process))
            }
            Kind::Harness(mode, fault) => {
                assert!(settings.is_empty(), "the harness's relay has only a rate");
                (mode, Faulty::start(mode, rate, fault).await, None)
            }
        };
        Self { mode, tap: Tap::before(&url).await, _process: process }
    }

    /// The address that relays to `to`. `id` identifies the request at the tap.
    pub(crate) fn url(&self, to: &str, id: &str) -> String {
        format!("{}/relay?id={id}&to={}", self.tap.address, percent_encode(to))
    }
}

/// The Rust worker from its build script. Its bindings come from the environment.
fn worker() -> Command {
    let built =
        concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/cloudflare_worker/build/workerd.capnp");
    assert!(std::path::Path::new(built).is_file(), "run `.ci/wasm` first");
    let mut command = workerd(built);
    command.arg("--socket-addr=http=127.0.0.1:0");
    command
}
