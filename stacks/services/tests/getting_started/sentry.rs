//! A server in Sentry's place, which keeps what is exported.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::Router;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

type Bodies = Arc<Mutex<Vec<Bytes>>>;

pub(crate) struct Sentry {
    port: u16,
    bodies: Bodies,
}

/// Everything that was exported.
pub(crate) struct Exported {
    pub(crate) spans: Vec<Span>,
    bodies: Vec<Bytes>,
}

impl Exported {
    /// Whether a text stands anywhere in what was sent: an attribute, an event, a trace state.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let finds = |body: &Bytes| body.windows(text.len()).any(|part| part == text.as_bytes());
        self.bodies.iter().any(finds)
    }
}

impl Sentry {
    pub(crate) async fn start() -> Self {
        let bodies = Bodies::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&bodies));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Sentry { port, bodies }
    }

    /// By name: the address is for `HTTP_PROXY`.
    pub(crate) fn dsn(&self) -> String {
        format!("http://key@localhost:{}/42", self.port)
    }

    pub(crate) fn exported(&self) -> Exported {
        let bodies = self.bodies.lock().unwrap().clone();
        let mut spans = Vec::new();
        for body in &bodies {
            let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        Exported { spans, bodies }
    }
}

async fn receive(State(bodies): State<Bodies>, uri: Uri, body: Bytes) {
    assert_eq!(uri.path(), "/api/42/integration/otlp/v1/traces/");
    bodies.lock().unwrap().push(body);
}
