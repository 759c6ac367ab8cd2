//! The Collector: built with Go, run on loopback, ended with its handle.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::Project;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Without Go's cache, on two cores that have other work.
const BUILD_SECONDS: &str = "1200";
const RUN_SECONDS: &str = "120";
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until it is dropped, and for two minutes at most.
pub struct Collector {
    child: Child,
    address: SocketAddr,
}

impl Collector {
    /// Runs a file of `docs/` as it stands, for a project. It waits one second for a trace's spans.
    ///
    /// # Panics
    ///
    /// Where it cannot be built, or does not start.
    pub fn start(file: &str, arguments: &[&str], project: &Project) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let address = free.expect("the loopback interface has a free port");
        // `timeout` ends it even where nothing drops this.
        let child = Command::new("timeout")
            .args(["--kill-after=5", RUN_SECONDS])
            .arg(build())
            .arg("--config")
            .arg(Path::new(ROOT).join("docs").join(file))
            // Its own metrics take a fixed port.
            .arg("--set=service.telemetry.metrics.level=none")
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("OTLP_HTTP_ENDPOINT", address.to_string())
            .env("SENTRY_OTLP_ENDPOINT", project.otlp_endpoint())
            .env("SENTRY_PUBLIC_KEY", project.public_key())
            .env("DECISION_WAIT", "1s")
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a Collector that starts");
        let mut collector = Collector { child, address };
        collector.wait_until_it_listens();
        collector
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the Collector ends as it starts: {status}");
            }
            assert!(Instant::now() < deadline, "the Collector does not listen");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where an exporter of spans sends them.
    pub fn traces_url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Where an exporter of logs sends them.
    pub fn logs_url(&self) -> String {
        format!("http://{}/v1/logs", self.address)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // The group is `timeout` and the Collector. It fails only where both have ended.
        let kill = format!("kill -s KILL -- -{} 2> /dev/null", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.child.wait();
    }
}

/// The program that `go/main.go` is; with Go's cache this takes seconds.
fn build() -> PathBuf {
    let program = Path::new(ROOT).join("target/collector/otelcol");
    let status = Command::new("timeout")
        .args([
            BUILD_SECONDS,
            "go",
            "build",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
        ])
        .arg(&program)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/go"))
        .status();
    match status {
        Ok(status) if status.success() => program,
        Ok(status) => panic!("go build: {status}; Go is needed, of the version in go.mod"),
        Err(error) => panic!("go build: {error}"),
    }
}
