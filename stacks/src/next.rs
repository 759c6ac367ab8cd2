//! The service that the example's service calls: it keeps the headers that it was called with.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Router;
use tokio::net::TcpListener;

use crate::Error;

pub(crate) type Seen = Arc<Mutex<Vec<HeaderMap>>>;

pub(crate) struct Next {
    port: u16,
    seen: Seen,
}

impl Next {
    pub(crate) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let seen = Seen::default();
        let router = Router::new().fallback(note).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Next { port, seen })
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/checkout", self.port)
    }

    /// What it was called with since the last time.
    pub(crate) fn take(&self) -> Vec<HeaderMap> {
        mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn note(State(seen): State<Seen>, headers: HeaderMap) {
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(headers);
}
