//! The built example as a child process, and one request to it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;

use crate::upstream::Call;

const START_TIMEOUT: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The DSN of services whose organization does not matter: its host names none.
pub(crate) const DSN: &str = "http://49d0f7386ad645858ae85020e393bef3@localhost:9/1";

/// A running relay. It is killed on drop.
pub(crate) struct Service {
    child: Child,
    address: String,
    client: Client,
}

/// The answer of the relay, with the call that its upstream received.
#[derive(Deserialize)]
pub(crate) struct Relayed {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: Option<String>,
    pub(crate) client_span_id: String,
    pub(crate) sampled: bool,
    pub(crate) upstream: Call,
}

impl Service {
    /// Starts a relay with these settings and no others.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut child = command(settings)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the relay starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, first_line) = mpsc::channel();
        thread::spawn(move || sender.send(BufReader::new(stdout).lines().next()));
        // From here on a panic kills the child.
        let mut service = Self { child, address: String::new(), client: client() };
        let line = first_line
            .recv_timeout(START_TIMEOUT)
            .expect("the relay prints a line in time")
            .expect("the relay prints a line before it ends")
            .expect("the line is UTF-8");
        service.address = line
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("the relay says where it listens, not {line:?}"))
            .to_owned();
        service
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        let url = format!("{}{path}", self.address);
        Url::parse(&url).expect("the relay prints a URL")
    }

    /// `GET /relay?to=<to>`, whatever the answer.
    pub(crate) async fn get(&self, to: &str, headers: &[(&str, &str)]) -> Response {
        let mut url = self.url("/relay");
        url.query_pairs_mut().append_pair("to", to);
        self.send(Method::GET, url, headers).await
    }

    /// `GET /relay?to=<to>`, relayed to an `Upstream`.
    pub(crate) async fn relay(&self, to: &str, headers: &[(&str, &str)]) -> Relayed {
        let response = self.get(to, headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.expect("the relay answers JSON")
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("the relay answers")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only if the child has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a relay that rejects its settings. Returns its exit status and stderr.
pub(crate) fn refusal(name: &str, value: &OsStr) -> (ExitStatus, String) {
    let mut child = command(&[("PORT", "0")])
        .env(name, value)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the relay starts");
    let deadline = Instant::now() + START_TIMEOUT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the relay is our child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("the relay is running");
            child.wait().expect("the relay is our child");
            panic!("the relay took {name}={value:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("stderr is piped")
        .read_to_string(&mut stderr)
        .expect("stderr is UTF-8");
    (status, stderr)
}

fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let known = name.to_str().unwrap_or_default();
        let foreign = ["SENTRY_", "OTEL_"].iter().any(|prefix| known.starts_with(prefix));
        if foreign || known == "UPSTREAM_URL" {
            command.env_remove(&name);
        }
    }
    command.envs(settings.iter().copied()).stdin(Stdio::null());
    command
}

/// Cargo tells a test the path of binaries, but not of examples.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests are built into <profile>/deps");
    let binary = profile.join("examples").join(format!("relay{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.is_file(),
        "{} is missing: `cargo test` builds it, `cargo test --test relay` does not; \
         run `cargo build --example relay` with the same profile first",
        binary.display()
    );
    binary
}

fn client() -> Client {
    Client::builder()
        .no_proxy()
        .timeout(REQUEST_TIMEOUT)
        .build()
        .expect("the client needs nothing from the system")
}
