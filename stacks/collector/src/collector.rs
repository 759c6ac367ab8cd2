//! The Collector: built with Go, run on loopback. Dropping its handle ends it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::Project;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Long enough for a build without Go's cache on a busy machine with two cores.
const BUILD_SECONDS: &str = "1200";
const RUN_SECONDS: &str = "120";
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until it is dropped, but at most two minutes.
pub struct Collector {
    child: Child,
    address: SocketAddr,
}

impl Collector {
    /// Runs a file of `docs/` unchanged, for a project. It waits one second for a trace's spans.
    ///
    /// # Panics
    ///
    /// If it cannot be built or does not start.
    pub fn start(file: &str, arguments: &[&str], project: &Project) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let address = free.expect("the loopback interface has a free port");
        // `timeout` ends it even if the handle is never dropped.
        let child = Command::new("timeout")
            .args(["--kill-after=5", RUN_SECONDS])
            .arg(build())
            .arg("--config")
            .arg(Path::new(ROOT).join("docs").join(file))
            // Its own metrics would use a fixed port.
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
                panic!("the Collector ends during its start: {status}");
            }
            assert!(Instant::now() < deadline, "the Collector does not listen");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The URL for an exporter of spans.
    pub fn traces_url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// The URL for an exporter of logs.
    pub fn logs_url(&self) -> String {
        format!("http://{}/v1/logs", self.address)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // The group is `timeout` and the Collector. This fails only if both have ended.
        let kill = format!("kill -s KILL -- -{} 2> /dev/null", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.child.wait();
    }
}

/// Builds `go/main.go`. With Go's cache this takes seconds.
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
        Ok(status) => panic!("go build: {status}; Go is needed, in the version of go.mod"),
        Err(error) => panic!("go build: {error}"),
    }
}
