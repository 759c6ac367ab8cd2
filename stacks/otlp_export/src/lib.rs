//! An OTLP/HTTP endpoint on loopback that replaces Sentry or a Collector and keeps what it
//! receives.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{header, HeaderMap, StatusCode, Uri};
use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const COLLECTOR_TRACES: &str = "/v1/traces";
const COLLECTOR_LOGS: &str = "/v1/logs";
const SENTRY_TRACES: &str = "/api/42/integration/otlp/v1/traces/";
const SENTRY_LOGS: &str = "/api/42/integration/otlp/v1/logs/";
const PROTOBUF: &str = "application/x-protobuf";
const KEY: &str = "49d0f7386ad645858ae85020e393bef3";

/// The data received since the last call.
#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    logs: Vec<LogRecord>,
}

type Log = Arc<Mutex<Received>>;

/// Listens until it is dropped.
pub struct Collector {
    address: SocketAddr,
    received: Log,
    _runtime: Runtime,
}

impl Collector {
    /// Listens on a free port.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        // Bound manually, so that it works inside another runtime.
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let received = Log::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener)?, router).await });
        Ok(Collector { address, received, _runtime: runtime })
    }

    /// The endpoint for an exporter to a Collector.
    pub fn endpoint(&self) -> String {
        format!("http://{}{COLLECTOR_TRACES}", self.address)
    }

    /// The DSN of a Sentry project here.
    pub fn dsn(&self) -> String {
        format!("http://{KEY}@{}/42", self.address)
    }

    /// The spans received since the last call.
    pub fn take(&self) -> Vec<Span> {
        mem::take(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner).spans)
    }

    /// The log records received since the last call.
    pub fn take_logs(&self) -> Vec<LogRecord> {
        mem::take(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner).logs)
    }
}

async fn receive(
    State(received): State<Log>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<[(header::HeaderName, &'static str); 1], StatusCode> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != PROTOBUF) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let auth = headers.get("x-sentry-auth").and_then(|auth| auth.to_str().ok());
    let expected = format!("sentry sentry_key={KEY}");
    // Sentry needs the key. A Collector must not get it.
    let is_right = match uri.path() {
        SENTRY_TRACES | SENTRY_LOGS => auth == Some(&*expected),
        COLLECTOR_TRACES | COLLECTOR_LOGS => auth.is_none(),
        _ => return Err(StatusCode::NOT_FOUND),
    };
    if !is_right {
        return Err(StatusCode::FORBIDDEN);
    }
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    if uri.path().ends_with("logs") || uri.path().ends_with("logs/") {
        let request = ExportLogsServiceRequest::decode(body);
        let request = request.map_err(|_| StatusCode::BAD_REQUEST)?;
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        received.logs.extend(scopes.flat_map(|scope| scope.log_records));
    } else {
        let request = ExportTraceServiceRequest::decode(body);
        let request = request.map_err(|_| StatusCode::BAD_REQUEST)?;
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        received.spans.extend(scopes.flat_map(|scope| scope.spans));
    }
    // An empty body is an empty response message.
    Ok([(header::CONTENT_TYPE, PROTOBUF)])
}
