//! The service under test, behind a tap: `examples/relay.rs`, or the harness's own variant of it.

use std::process::Command;

use crate::faulty::{Fault, Faulty};
use crate::ingest::Ingest;
use crate::mode::Mode;
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
    Example(Mode),
    Harness(Mode, Option<Fault>),
}

pub(crate) struct Relay {
    pub(crate) mode: Mode,
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
        let (mode, url, process) = match kind {
            Kind::Example(mode) => {
                // It does not read its standard input; the shell ends it with the test.
                let mut command = Command::new("sh");
                command
                    .args(["-c", "\"$0\" & cat > /dev/null; kill $!"])
                    .arg(relay_binary())
                    .env("PORT", "0")
                    .env("COMPOSE", mode.name())
                    .env("SENTRY_DSN", ingest.dsn(&format!("{PUBLIC_KEY}@127.0.0.1"), 1))
                    .env("SENTRY_RELEASE", RELEASE)
                    .env("SENTRY_ENVIRONMENT", ENVIRONMENT)
                    .envs(rate_setting)
                    .envs(settings.iter().copied());
                let process =
                    Process::start("relay", &mut command).unwrap_or_else(|error| panic!("{error}"));
                (mode, process.url.clone(), Some(process))
            }
            Kind::Harness(mode, fault) => {
                assert!(settings.is_empty(), "the harness's relay has only a rate");
                (mode, Faulty::start(mode, rate, fault).await, None)
            }
        };
        Self { mode, tap: Tap::before(&url).await, _process: process }
    }

    /// The address that relays to `to`; `id` makes the request known to the tap.
    pub(crate) fn url(&self, to: &str, id: &str) -> String {
        format!("{}/relay?id={id}&to={}", self.tap.address, percent_encode(to))
    }
}
