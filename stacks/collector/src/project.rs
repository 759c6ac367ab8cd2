//! A project of a fake Sentry on loopback. It keeps what it receives and reads it as Sentry does.

use std::io::{self, Read};
use std::mem;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::Router;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value::Value, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const PUBLIC_KEY: &str = "49d0f7386ad645858ae85020e393bef3";
const PATIENCE: Duration = Duration::from_secs(30);

/// The received spans and records, each with the attributes of its resource.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub spans: Vec<(Vec<KeyValue>, Span)>,
    pub logs: Vec<(Vec<KeyValue>, LogRecord)>,
    /// Path and `x-sentry-auth` of each request.
    pub requests: Vec<(String, Option<String>)>,
}

type Shared = Arc<Mutex<Received>>;

/// Listens until it is dropped.
pub struct Project {
    host: String,
    received: Shared,
    _runtime: Runtime,
}

impl Project {
    /// Listens on a free port.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let host = listener.local_addr()?.to_string();
        let received = Shared::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Project { host, received, _runtime: runtime })
    }

    /// The DSN of the project.
    pub fn dsn(&self) -> String {
        format!("http://{PUBLIC_KEY}@{}/42", self.host)
    }

    /// The project's `SENTRY_OTLP_ENDPOINT`.
    pub fn otlp_endpoint(&self) -> String {
        format!("http://{}/api/42/integration/otlp", self.host)
    }

    /// The project's `SENTRY_PUBLIC_KEY`.
    pub fn public_key(&self) -> &'static str {
        PUBLIC_KEY
    }

    /// Waits until `enough` returns true, at most half a minute. Then takes everything received.
    pub fn take_when(&self, enough: impl Fn(&Received) -> bool) -> Received {
        let deadline = Instant::now() + PATIENCE;
        loop {
            {
                let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
                if enough(&received) || Instant::now() > deadline {
                    return mem::take(&mut *received);
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

async fn receive(
    State(received): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), StatusCode> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    let path = uri.path().to_owned();
    received.requests.push((path.clone(), text("x-sentry-auth")));
    let mut bytes = Vec::new();
    if text("content-encoding").as_deref() == Some("gzip") {
        GzDecoder::new(&*body).read_to_end(&mut bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
    } else {
        bytes.extend_from_slice(&body);
    }
    if path.ends_with("/v1/traces/") {
        let request = ExportTraceServiceRequest::decode(&*bytes);
        for group in request.map_err(|_| StatusCode::BAD_REQUEST)?.resource_spans {
            let resource = group.resource.unwrap_or_default().attributes;
            let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            received.spans.extend(spans.map(|span| (resource.clone(), span)));
        }
    } else if path.ends_with("/v1/logs/") {
        let request = ExportLogsServiceRequest::decode(&*bytes);
        for group in request.map_err(|_| StatusCode::BAD_REQUEST)?.resource_logs {
            let resource = group.resource.unwrap_or_default().attributes;
            let logs = group.scope_logs.into_iter().flat_map(|scope| scope.log_records);
            received.logs.extend(logs.map(|record| (resource.clone(), record)));
        }
    } else {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(())
}

/// The text or the number of an attribute, as text.
pub fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?;
    match value.value? {
        Value::StringValue(text) => Some(text),
        Value::DoubleValue(number) => Some(number.to_string()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The release as Sentry reads it, which is never the resource's.
pub fn release(attributes: &[KeyValue]) -> Option<String> {
    attribute(attributes, "sentry.release").or_else(|| attribute(attributes, "release"))
}

/// The environment, as Sentry reads it.
pub fn environment(attributes: &[KeyValue], resource: &[KeyValue]) -> Option<String> {
    attribute(attributes, "sentry.environment")
        .or_else(|| attribute(resource, "deployment.environment.name"))
        .or_else(|| attribute(resource, "deployment.environment"))
}

/// The number of spans that this one represents, as Sentry reads it: from the attribute, else from
/// `ot=th`, else 1.
pub fn weight(span: &Span) -> f64 {
    let rate = attribute(&span.attributes, "sentry.client_sample_rate");
    let rate = rate.and_then(|rate| rate.parse::<f64>().ok());
    1.0 / rate.or_else(|| rate_of_threshold(span)).unwrap_or(1.0)
}

fn rate_of_threshold(span: &Span) -> Option<f64> {
    let ot = span.trace_state.split(',').find_map(|member| member.strip_prefix("ot="))?;
    let th = ot.split(';').find_map(|field| field.strip_prefix("th:"))?;
    let threshold = u64::from_str_radix(&format!("{th:0<14}"), 16).ok()?;
    let all = 1_u64 << 56;
    Some(all.checked_sub(threshold)? as f64 / all as f64)
}
