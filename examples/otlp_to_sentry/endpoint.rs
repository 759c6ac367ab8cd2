//! A loopback server in the place of Sentry, its OTLP endpoints among it, and of a Collector.

use std::io::{self, Read};
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::Router;
use flate2::read::GzDecoder;
use opentelemetry_sentry::SENTRY_AUTH_HEADER;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::protobuf::{self, Log, Span};

const PROJECT: &str = "42";
const COLLECTOR: &str = "/v1/traces";
/// How much of one request is decompressed at most.
const MAX_BYTES: u64 = 1 << 20;

/// One received request.
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) auth: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<Log>,
    /// An envelope of a Sentry SDK: lines of JSON.
    pub(crate) envelope: String,
}

type Requests = Arc<Mutex<Vec<Received>>>;

/// Listens until it is dropped.
pub(crate) struct Endpoint {
    address: SocketAddr,
    received: Requests,
    _runtime: Runtime,
}

impl Endpoint {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let received = Requests::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Endpoint { address, received, _runtime: runtime })
    }

    /// The DSN of a project on this server.
    pub(crate) fn dsn(&self, key: &str) -> String {
        format!("http://{key}@{}/{PROJECT}", self.address)
    }

    pub(crate) fn collector_url(&self) -> String {
        format!("http://{}{COLLECTOR}", self.address)
    }

    /// What arrived since the last call.
    pub(crate) fn take(&self) -> Vec<Received> {
        mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn receive(
    State(log): State<Requests>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    // A page may read the answer, as Sentry's own allows it.
    (record(&log, &uri, &headers, &body), [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")])
}

fn record(log: &Requests, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let gzip = header("content-encoding").as_deref() == Some("gzip");
    let mut unpacked = Vec::new();
    if gzip && GzDecoder::new(body).take(MAX_BYTES).read_to_end(&mut unpacked).is_err() {
        return StatusCode::BAD_REQUEST;
    }
    let body = if gzip { &unpacked } else { body };
    let (mut spans, mut logs, mut envelope) = (Some(Vec::new()), Some(Vec::new()), String::new());
    match uri.path().trim_end_matches('/').rsplit('/').next() {
        Some("envelope") => envelope = String::from_utf8_lossy(body).into_owned(),
        Some("logs") => logs = protobuf::logs(body),
        _ => spans = protobuf::spans(body),
    }
    let (Some(spans), Some(logs)) = (spans, logs) else {
        return StatusCode::BAD_REQUEST;
    };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(Received {
        path: uri.path().to_owned(),
        auth: header(SENTRY_AUTH_HEADER),
        content_type: header("content-type"),
        gzip,
        spans,
        logs,
        envelope,
    });
    StatusCode::OK
}
