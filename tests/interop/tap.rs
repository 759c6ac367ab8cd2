//! A wire tap before the relay: passes every request on unchanged and keeps its headers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Router;

use crate::serve;
use crate::wire::Headers;

/// A request that passed.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) method: String,
    pub(crate) headers: Headers,
    pub(crate) status: u16,
    pub(crate) answer: Headers,
}

#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) address: String,
    passed: Arc<Mutex<HashMap<String, Vec<Passed>>>>,
}

#[derive(Clone)]
struct Line {
    target: String,
    client: reqwest::Client,
    passed: Arc<Mutex<HashMap<String, Vec<Passed>>>>,
}

impl Tap {
    pub(crate) async fn before(target: &str) -> Self {
        let passed = Arc::<Mutex<HashMap<String, Vec<Passed>>>>::default();
        let client = crate::client();
        let line = Line { target: target.to_owned(), client, passed: Arc::clone(&passed) };
        let address = serve(Router::new().fallback(pass).with_state(line)).await;
        Self { address, passed }
    }

    /// The requests with this `id`, in order.
    pub(crate) fn passed(&self, id: &str) -> Vec<Passed> {
        self.passed.lock().expect("no holder panics").get(id).cloned().unwrap_or_default()
    }
}

async fn pass(State(line): State<Line>, request: Request) -> Response {
    match line.pass(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Line {
    async fn pass(&self, request: Request) -> reqwest::Result<Response> {
        let (parts, _) = request.into_parts();
        let mut headers = parts.headers.clone();
        headers.remove("host");
        headers.remove("connection");
        let url = format!("{}{}", self.target, parts.uri);
        let answer = self.client.request(parts.method.clone(), url).headers(headers).send().await?;

        let status = answer.status();
        let mut answer_headers = answer.headers().clone();
        let query = parts.uri.query().unwrap_or_default();
        let id = query.split('&').find_map(|pair| pair.strip_prefix("id=")).unwrap_or_default();
        let passed = Passed {
            method: parts.method.to_string(),
            headers: text(&parts.headers),
            status: status.as_u16(),
            answer: text(&answer_headers),
        };
        self.passed
            .lock()
            .expect("no holder panics")
            .entry(id.to_owned())
            .or_default()
            .push(passed);
        answer_headers.remove("transfer-encoding");
        answer_headers.remove("connection");
        Ok((status, answer_headers, answer.bytes().await?).into_response())
    }
}

fn text(headers: &HeaderMap) -> Headers {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
