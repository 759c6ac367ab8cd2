//! Spans as a request to Sentry, for programs that send it with an HTTP client of their own.

use std::fmt;
use std::future::{ready, Future};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use prost::Message;

use crate::into_sentry::span_exporter::SentrySpanExporter;
use crate::settings::dsn::{Dsn, SENTRY_AUTH_HEADER};
use crate::settings::sentry::Sentry;

/// The most spans that wait for a request: the queue length of OTel's batch processor.
const MAX_SPANS: usize = 2048;

const CONTENT_TYPE: &str = "content-type";
const PROTOBUF: &str = "application/x-protobuf";

impl Sentry {
    /// An exporter that keeps spans until the program sends them, for programs without threads, or
    /// frozen between two requests: workers, functions, WebAssembly.
    ///
    /// Register it with `with_simple_exporter`: the batch processor needs a thread.
    ///
    /// ```
    /// use opentelemetry::trace::{Tracer, TracerProvider};
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::builder()
    ///     .dsn("https://key@o1.ingest.sentry.io/42")
    ///     .traces_sample_rate(1.0)
    ///     .build()?;
    /// let spans = sentry.span_buffer();
    /// let provider = SdkTracerProvider::builder()
    ///     .with_sampler(sentry.sampler())
    ///     .with_simple_exporter(spans.clone())
    ///     .build();
    ///
    /// provider.tracer("worker").start("GET /");
    ///
    /// // After the answer, with the client that the program has:
    /// let request = spans.take_request().expect("a sampled span has ended");
    /// assert_eq!(request.url(), "https://o1.ingest.sentry.io/api/42/integration/otlp/v1/traces/");
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn span_buffer(&self) -> SpanBuffer {
        let store = Store { has_dsn: self.dsn().is_some(), waiting: Arc::default() };
        SpanBuffer { sentry: self.clone(), exporter: SentrySpanExporter::new(self, store) }
    }
}

/// An exporter that keeps ended spans until [`take_request`](Self::take_request), made by
/// [`Sentry::span_buffer`]. Clones share the spans. Like [`SentrySpanExporter`], it adds the
/// attributes that Sentry reads.
///
/// It keeps at most 2048 spans. Further ones are dropped and
/// [counted](ExportRequest::dropped_spans). Without a DSN it keeps none.
///
/// Guide: [Cloudflare workers](crate::_documentation::cloudflare_workers).
#[derive(Clone)]
pub struct SpanBuffer {
    sentry: Sentry,
    exporter: SentrySpanExporter<Store>,
}

/// Where the spans wait, complete.
#[derive(Clone)]
struct Store {
    has_dsn: bool,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    spans: Vec<SpanData>,
    dropped: u64,
    resource: Option<Resource>,
}

impl SpanBuffer {
    /// The spans that have ended since the last call, as a request to the DSN's project in Sentry
    /// ([OTLP Integration](https://develop.sentry.dev/sdk/telemetry/traces/otlp/)). `None` if there
    /// are none, or the settings have no DSN.
    ///
    /// If the request fails, send it again, or its spans are lost.
    pub fn take_request(&self) -> Option<ExportRequest> {
        let dsn = self.sentry.dsn()?;
        let mut waiting = self.exporter.inner().waiting();
        if waiting.spans.is_empty() {
            return None;
        }
        let spans = mem::take(&mut waiting.spans);
        let dropped_spans = mem::take(&mut waiting.dropped);
        let resource = waiting.resource.as_ref().map(Into::into).unwrap_or_default();
        drop(waiting);
        let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        Some(ExportRequest::new(dsn, body, dropped_spans))
    }
}

impl SpanExporter for SpanBuffer {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.exporter.export(batch)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl Store {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // What a panic left behind is a list of spans all the same.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for Store {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        if self.has_dsn {
            let mut waiting = self.waiting();
            for span in batch {
                if waiting.spans.len() < MAX_SPANS {
                    waiting.spans.push(span);
                } else {
                    waiting.dropped += 1;
                }
            }
        }
        ready(Ok(()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.waiting().resource = Some(resource.clone());
    }
}

/// Shows only how many spans wait.
impl fmt::Debug for SpanBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.exporter.inner().waiting().spans.len();
        f.debug_struct("SpanBuffer").field("spans", &waiting).finish_non_exhaustive()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// A request that sends spans to Sentry, from [`SpanBuffer::take_request`]: a `POST` with these
/// headers and this body, OTLP in protobuf.
///
/// Guide: [Cloudflare workers](crate::_documentation::cloudflare_workers).
#[derive(Clone)]
pub struct ExportRequest {
    url: String,
    auth: String,
    body: Vec<u8>,
    dropped_spans: u64,
}

impl ExportRequest {
    fn new(dsn: &Dsn, body: Vec<u8>, dropped_spans: u64) -> Self {
        ExportRequest {
            url: dsn.otlp_traces_endpoint(),
            auth: dsn.auth_header(),
            body,
            dropped_spans,
        }
    }

    /// The DSN's endpoint for traces.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `content-type`, and the header that authenticates the sender and contains the DSN's key.
    pub fn headers(&self) -> [(&'static str, &str); 2] {
        [(CONTENT_TYPE, PROTOBUF), (SENTRY_AUTH_HEADER, &self.auth)]
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, owned.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// How many spans were dropped since the last request, because the buffer was full.
    pub fn dropped_spans(&self) -> u64 {
        self.dropped_spans
    }
}

/// Shows only the URL: the auth header contains the DSN's key.
impl fmt::Debug for ExportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportRequest")
            .field("url", &self.url)
            .field("body_bytes", &self.body.len())
            .field("dropped_spans", &self.dropped_spans)
            .finish_non_exhaustive()
    }
}
