//! Three processes of `examples/relay.rs`. Each calls the next; the last calls the sink.

use std::error::Error;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

pub(crate) struct Chain {
    binary: PathBuf,
    ports: [u16; 3],
    sink: SocketAddr,
    relays: Vec<Child>,
    /// All three write their errors to this file.
    log: PathBuf,
}

impl Chain {
    pub(crate) async fn start(sink: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let binary = build().await?;
        let listeners: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<Result<_, _>>()?;
        let mut ports = [0; 3];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr()?.port();
        }
        drop(listeners);
        let log = std::env::temp_dir().join(format!("sentry-load-{}.log", std::process::id()));
        File::create(&log)?;
        let mut chain = Chain { binary, ports, sink, relays: Vec::new(), log };
        for place in 0..3 {
            let relay = chain.spawn(place)?;
            chain.relays.push(relay);
        }
        for port in ports {
            until_healthy(port).await?;
        }
        Ok(chain)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/relay", self.ports[0])
    }

    fn spawn(&self, place: usize) -> Result<Child, Box<dyn Error>> {
        let upstream = match self.ports.get(place + 1) {
            Some(port) => format!("http://127.0.0.1:{port}/relay"),
            None => format!("http://{}/", self.sink),
        };
        let log = File::options().append(true).open(&self.log)?;
        let relay = Command::new(&self.binary)
            .env("PORT", self.ports[place].to_string())
            .env("UPSTREAM_URL", upstream)
            .env("SENTRY_DSN", "http://49d0f7386ad645858ae85020e393bef3@o42.localhost:9/1")
            .env("SENTRY_TRACES_SAMPLE_RATE", "1.0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok(relay)
    }

    /// Kills a relay under load and starts it again.
    pub(crate) async fn restart(&mut self, place: usize) -> Result<(), Box<dyn Error>> {
        self.relays[place].kill().await?;
        self.relays[place] = self.spawn(place)?;
        until_healthy(self.ports[place]).await
    }

    /// The first relay's resident memory in kB.
    pub(crate) fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let pid = self.relays[0].id().ok_or("the first relay has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Stops all relays and returns what they wrote.
    pub(crate) async fn stop(mut self) -> Result<String, Box<dyn Error>> {
        for relay in &mut self.relays {
            if let Some(status) = relay.try_wait()? {
                return Err(format!("a relay has ended unexpectedly: {status}").into());
            }
            relay.kill().await?;
        }
        let log = fs::read_to_string(&self.log)?;
        fs::remove_file(&self.log)?;
        Ok(log)
    }
}

/// Builds the relay and asks cargo for its path.
async fn build() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--example", "relay", "--manifest-path", MANIFEST])
        .arg("--message-format=json")
        .stderr(Stdio::inherit())
        .output()
        .await?;
    let executable = String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok(executable.ok_or("cargo did not build the relay")?)
}

async fn until_healthy(port: u16) -> Result<(), Box<dyn Error>> {
    for _ in 0..1000 {
        if let Ok(answer) = reqwest::get(format!("http://127.0.0.1:{port}/healthz")).await {
            if answer.status().is_success() {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(format!("no server on port {port}").into())
}
