//! The service as a process, and the service that it calls.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Service {
    process: Child,
    url: String,
}

impl Service {
    /// Starts it with these variables, and a rate of 1 unless they have another.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let process = Command::new(env!("CARGO_BIN_EXE_getting_started"))
            .env_clear()
            .env("PORT", &port)
            .env("NO_PROXY", "localhost")
            .env("SENTRY_TRACES_SAMPLE_RATE", "1")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{port}");
        let serves = async {
            while TcpStream::connect(&address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, serves).await.expect("the service listens");
        Service { process, url: format!("http://{address}") }
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        client.get(format!("{}{path}", self.url))
    }

    /// Ends it as Ctrl-C does. Returns what it has logged.
    pub(crate) async fn stop(self) -> String {
        let id = self.process.id().expect("it runs").to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
        assert!(killed.success());
        let output = timeout(PATIENCE, self.process.wait_with_output()).await;
        let output = output.expect("the service ends").unwrap();
        let log = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{log}");
        log
    }
}

/// The service that is called, reached as a proxy.
pub(crate) struct Next {
    pub(crate) url: String,
    headers: Arc<Mutex<Option<HeaderMap>>>,
}

impl Next {
    pub(crate) const ANSWER: &'static str = "from the next service";

    pub(crate) async fn start() -> Self {
        let headers = Arc::<Mutex<Option<HeaderMap>>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&headers));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Next { url, headers }
    }

    /// The headers of the last request.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.headers.lock().unwrap().clone().expect("it was called")
    }
}

async fn answer(
    State(seen): State<Arc<Mutex<Option<HeaderMap>>>>,
    headers: HeaderMap,
) -> &'static str {
    *seen.lock().unwrap() = Some(headers);
    Next::ANSWER
}
