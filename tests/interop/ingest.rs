//! A fake Sentry that keeps everything it receives in memory.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{
    HeaderMap, HeaderValue, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CONTENT_ENCODING,
};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{json, Value};
use tokio::time::{sleep, Instant};

use crate::serve;
use crate::wire::Dsc;

/// A message, or a segment's root span, as an SDK sent it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) parent_span_id: Option<String>,
    /// The envelope's `trace` header.
    pub(crate) dsc: Option<Dsc>,
}

/// The fake Sentry, and an address that answers with the trace headers it received.
#[derive(Clone)]
pub(crate) struct Ingest {
    address: String,
    pub(crate) echo: String,
    items: Arc<Mutex<Items>>,
    spans: Exported,
}

/// By project, trace id, and whether they are recorded.
type Items = HashMap<(u32, String, bool), Vec<Item>>;

/// Spans received over OTLP, with their project.
type Exported = Arc<Mutex<Vec<(u32, Span)>>>;

impl Ingest {
    pub(crate) async fn start() -> Self {
        let items = Arc::<Mutex<Items>>::default();
        let router = Router::new()
            .route("/api/{project}/envelope/", post(envelope))
            .with_state(Arc::clone(&items));
        let spans = Exported::default();
        let otlp = Router::new()
            .route("/api/{project}/integration/otlp/v1/traces/", post(otlp_traces))
            .with_state(Arc::clone(&spans));
        let router = router.merge(otlp);
        // Not the DSN's host: SDKs don't send trace headers there.
        let echo =
            serve(Router::new().route("/echo", get(echo).options(preflight))).await + "/echo";
        Self { address: serve(router).await, echo, items, spans }
    }

    pub(crate) fn dsn(&self, user_and_host: &str, project: u32) -> String {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        format!("http://{user_and_host}:{port}/{project}")
    }

    /// The items that this project sent for the trace: messages, or recorded segments.
    pub(crate) fn items(&self, project: u32, trace_id: &str, recorded: bool) -> Vec<Item> {
        let items = self.items.lock().expect("no holder panics");
        items.get(&(project, trace_id.to_owned(), recorded)).cloned().unwrap_or_default()
    }

    /// The spans of the trace that this project sent over OTLP.
    pub(crate) fn spans(&self, project: u32, trace_id: &str) -> Vec<Span> {
        let spans = self.spans.lock().expect("no holder panics");
        let of_trace =
            spans.iter().filter(|(p, span)| *p == project && hex(&span.trace_id) == trace_id);
        of_trace.map(|(_, span)| span.clone()).collect()
    }

    /// Waits until all of them have arrived: (project, trace id, recorded).
    pub(crate) async fn wait_for(&self, expected: &[(u32, String, bool)], patience: Duration) {
        let deadline = Instant::now() + patience;
        let missing = |(project, trace_id, recorded): &(u32, String, bool)| {
            self.items(*project, trace_id, *recorded).is_empty()
        };
        while expected.iter().any(missing) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn envelope(
    State(items): State<Arc<Mutex<Items>>>,
    Path(project): Path<u32>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        Some(b"gzip") => {
            let mut plain = Vec::new();
            GzDecoder::new(&*body)
                .read_to_end(&mut plain)
                .expect("the body is gzip, as its header states");
            plain
        }
        _ => body.to_vec(),
    };
    let mut items = items.lock().expect("no holder panics");
    for (recorded, trace_id, item) in parse(&body) {
        items.entry((project, trace_id, recorded)).or_default().push(item);
    }
    drop(items);
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(json!({})))
}

/// Accepts only protobuf that is authenticated with a key.
async fn otlp_traces(
    State(spans): State<Exported>,
    Path(project): Path<u32>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let is = |name: &str, prefix: &str| {
        headers.get(name).is_some_and(|value| value.as_bytes().starts_with(prefix.as_bytes()))
    };
    if !is("x-sentry-auth", "sentry sentry_key=") || !is("content-type", "application/x-protobuf") {
        return StatusCode::FORBIDDEN;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let arrived = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let arrived = arrived.flat_map(|scope| scope.spans).map(|span| (project, span));
    spans.lock().expect("no holder panics").extend(arrived);
    StatusCode::OK
}

/// An id in the form that headers use.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn echo(headers: HeaderMap) -> impl IntoResponse {
    let names = ["sentry-trace", "baggage", "traceparent", "tracestate"];
    let headers: Vec<(&str, &str)> = names
        .into_iter()
        .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
        .map(|(name, value)| (name, value.to_str().unwrap_or("not text")))
        .collect();
    let report = json!({ "headers": headers, "trace_data": {}, "answer": null });
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(report))
}

async fn preflight() -> impl IntoResponse {
    [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "sentry-trace, baggage, traceparent"),
    ]
}

/// The items of an envelope: a line of headers, then for each item its headers and payload. A
/// payload ends at its line's end unless its length is given.
///
/// <https://develop.sentry.dev/sdk/data-model/envelopes/>
fn parse(mut rest: &[u8]) -> Vec<(bool, String, Item)> {
    let headers = json_line(&mut rest);
    let dsc = headers.get("trace").and_then(|trace| {
        let members = trace.as_object()?.iter();
        Some(members.map(|(key, value)| (key.clone(), text(value))).collect())
    });
    let mut items = Vec::new();
    while !rest.is_empty() {
        let item = json_line(&mut rest);
        let payload = match item["length"].as_u64() {
            Some(length) => {
                let (payload, after) = rest.split_at(rest.len().min(length as usize));
                rest = after.strip_prefix(b"\n").unwrap_or(after);
                serde_json::from_slice(payload).unwrap_or_default()
            }
            None => json_line(&mut rest),
        };
        let mut keep = |recorded, trace: &Value| {
            let parent_span_id = trace["parent_span_id"].as_str().map(str::to_owned);
            let item = Item { parent_span_id, dsc: dsc.clone() };
            items.push((recorded, text(&trace["trace_id"]), item));
        };
        match item["type"].as_str() {
            Some("event") => keep(false, &payload["contexts"]["trace"]),
            Some("transaction") => keep(true, &payload["contexts"]["trace"]),
            // Streamed spans: the root of a segment counts as its transaction.
            Some("span") => {
                let spans = payload["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                spans.iter().filter(|span| span["is_segment"] == true).for_each(|s| keep(true, s));
            }
            _ => {}
        }
    }
    items
}

fn json_line(rest: &mut &[u8]) -> Value {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (line, after) = rest.split_at(end);
    *rest = after.strip_prefix(b"\n").unwrap_or(after);
    serde_json::from_slice(line).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
