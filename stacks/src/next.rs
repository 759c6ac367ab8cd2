//! The next service, which the example's service calls. It keeps the headers it receives.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Router;
use tokio::net::TcpListener;

use crate::grpc;
use crate::seen::Seen;
use crate::stack::{Error, Protocol};

pub(crate) struct Next {
    protocol: Protocol,
    port: u16,
    seen: Seen,
}

impl Next {
    pub(crate) async fn start(protocol: Protocol) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let seen = Seen::default();
        match protocol {
            Protocol::Http => {
                let router = Router::new().fallback(note).with_state(seen.clone());
                tokio::spawn(async move { axum::serve(listener, router).await });
            }
            Protocol::Grpc => {
                tokio::spawn(grpc::serve(listener, seen.clone()));
            }
        }
        Ok(Next { protocol, port, seen })
    }

    pub(crate) fn url(&self, host: &str) -> String {
        let path = if self.protocol == Protocol::Http { "/checkout" } else { "" };
        format!("http://{host}:{}{path}", self.port)
    }

    /// The headers received since the last call.
    pub(crate) fn take(&self) -> Vec<HeaderMap> {
        self.seen.take()
    }
}

async fn note(State(seen): State<Seen>, headers: HeaderMap) {
    seen.keep(headers);
}
