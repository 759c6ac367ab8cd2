//! An OTLP/HTTP collector on loopback, which keeps the spans that it receives.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{header, HeaderMap, StatusCode};
use axum::routing::post;
use axum::Router;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const PATH: &str = "/v1/traces";
const PROTOBUF: &str = "application/x-protobuf";

type Spans = Arc<Mutex<Vec<Span>>>;

/// Listens until it is dropped.
pub struct Collector {
    endpoint: String,
    spans: Spans,
    _runtime: Runtime,
}

impl Collector {
    /// Listens on a port of the system's choice.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let endpoint = format!("http://{}{PATH}", listener.local_addr()?);
        let spans = Spans::default();
        let router = Router::new().route(PATH, post(receive)).with_state(Arc::clone(&spans));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Collector { endpoint, spans, _runtime: runtime })
    }

    /// Where an exporter sends its spans.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What arrived since the last call.
    pub fn take(&self) -> Vec<Span> {
        mem::take(&mut *self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn receive(
    State(spans): State<Spans>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<([(header::HeaderName, &'static str); 1], Vec<u8>), StatusCode> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != PROTOBUF) {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    spans.extend(scopes.flat_map(|scope| scope.spans));
    let answer = ExportTraceServiceResponse::default().encode_to_vec();
    Ok(([(header::CONTENT_TYPE, PROTOBUF)], answer))
}
