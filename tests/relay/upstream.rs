//! The service behind the relay: answers with the request it got.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use opentelemetry_sentry::SentryTrace;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// One request, as the upstream saw it.
#[derive(Deserialize, Serialize)]
pub(crate) struct Call {
    pub(crate) path_and_query: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Call {
    fn new(uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            path_and_query: uri.to_string(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    let value = value.to_str().expect("outgoing headers are visible ASCII");
                    (name.to_string(), value.to_owned())
                })
                .collect(),
        }
    }

    /// The header's value, if present. It never occurs twice.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} was sent twice");
        value
    }

    #[track_caller]
    pub(crate) fn sentry_trace(&self) -> SentryTrace {
        self.header("sentry-trace")
            .expect("a sentry-trace header was sent")
            .parse()
            .expect("the sentry-trace header is valid")
    }

    /// The members of `baggage`, by key.
    #[track_caller]
    pub(crate) fn baggage(&self) -> BTreeMap<&str, &str> {
        let header = self.header("baggage").expect("a baggage header was sent");
        let mut members = BTreeMap::new();
        for member in header.split(',') {
            let (key, value) = member.split_once('=').expect("a member has a `=`");
            assert!(members.insert(key, value).is_none(), "{key} was sent twice");
        }
        members
    }
}

pub(crate) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    /// Serves on the test's runtime until that ends.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let router = Router::new()
            .route("/echo", get(echo))
            .route("/gather/{expected}", get(gather))
            .route("/text", get(|| async { "not JSON: {" }))
            .route("/moved", get(|| async { Redirect::temporary("/echo") }))
            .with_state(Arc::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn echo(&self) -> String {
        self.url("/echo")
    }
}

async fn echo(uri: Uri, headers: HeaderMap) -> Json<Call> {
    Json(Call::new(&uri, &headers))
}

/// Answers when as many requests as expected are open at once.
async fn gather(
    State(arrived): State<Arc<AtomicUsize>>,
    Path(expected): Path<usize>,
    uri: Uri,
    headers: HeaderMap,
) -> Json<Call> {
    arrived.fetch_add(1, Ordering::SeqCst);
    while arrived.load(Ordering::SeqCst) < expected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Json(Call::new(&uri, &headers))
}
