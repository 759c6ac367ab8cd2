//! Three services on loopback, instrumented as an application would be.

use std::error::Error;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::Router;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{BAGGAGE_HEADER, SENTRY_TRACE_HEADER};
use tokio::net::TcpListener;

use crate::profile::{Profile, CHAIN};
use crate::requests::Request;

const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a service works before and after it calls the next one.
const WORK: Duration = Duration::from_millis(2);

/// The trace headers of one request, as one service received them.
pub(crate) struct Hop {
    pub(crate) service: &'static str,
    pub(crate) sentry_trace: Option<String>,
    pub(crate) baggage: Option<String>,
}

/// The result of one request.
pub(crate) struct Observed {
    pub(crate) hops: Vec<Hop>,
    /// Each exported span with the name of its service.
    pub(crate) spans: Vec<(&'static str, SpanData)>,
}

type HopLog = Arc<Mutex<Vec<Hop>>>;

/// The three services, running.
pub(crate) struct Shop {
    client: reqwest::Client,
    entrance: String,
    exporters: Vec<(&'static str, InMemorySpanExporter)>,
    hops: HopLog,
}

impl Shop {
    pub(crate) async fn open() -> Result<Self, Box<dyn Error>> {
        // A process has one global propagator, and this example runs three services in one process.
        // The propagator is the storefront's: only the settings of the head are sent, and no other
        // service is ever the head. Each service has its own sampler.
        global::set_text_map_propagator(CHAIN[0].sentry()?.propagator());

        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        let hops = HopLog::default();
        let mut exporters = Vec::new();
        let mut next = None;
        // Last to first: each has to know the address of the next one.
        for profile in CHAIN.iter().rev() {
            let Profile { name, route, .. } = *profile;
            let exporter = InMemorySpanExporter::default();
            let provider = SdkTracerProvider::builder()
                .with_sampler(profile.sentry()?.sampler())
                .with_resource(Resource::builder().with_service_name(name).build())
                .with_simple_exporter(exporter.clone())
                .build();
            let service = Service {
                name,
                route,
                tracer: provider.tracer(name),
                client: client.clone(),
                next: next.take(),
                hops: Arc::clone(&hops),
            };
            next = Some(Next { route, url: service.listen().await? });
            exporters.push((name, exporter));
        }

        Ok(Shop {
            client,
            entrance: next.map(|first| first.url).unwrap_or_default(),
            exporters,
            hops,
        })
    }

    /// Sends a request to the storefront, and collects what the services received and exported.
    pub(crate) async fn serve(&self, request: &Request) -> Result<Observed, Box<dyn Error>> {
        let mut call = self.client.get(&self.entrance);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        call.send().await?.error_for_status()?;

        let hops = mem::take(&mut *self.hops.lock().unwrap_or_else(PoisonError::into_inner));
        let mut spans = Vec::new();
        for (service, exporter) in &self.exporters {
            let finished = exporter.get_finished_spans()?;
            spans.extend(finished.into_iter().map(|span| (*service, span)));
            exporter.reset();
        }
        Ok(Observed { hops, spans })
    }
}

struct Service {
    name: &'static str,
    route: &'static str,
    tracer: SdkTracer,
    client: reqwest::Client,
    next: Option<Next>,
    hops: HopLog,
}

struct Next {
    route: &'static str,
    url: String,
}

impl Service {
    /// Listens on a port of the system's choice; returns the URL.
    async fn listen(self) -> Result<String, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}{}", listener.local_addr()?, self.route);
        let router = Router::new().route(self.route, get(handle)).with_state(Arc::new(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }

    fn log_hop(&self, headers: &HeaderMap) {
        let values = |name| {
            let lines: Vec<_> = headers
                .get_all(name)
                .iter()
                .map(|line| String::from_utf8_lossy(line.as_bytes()))
                .collect();
            (!lines.is_empty()).then(|| lines.join(","))
        };
        let hop = Hop {
            service: self.name,
            sentry_trace: values(SENTRY_TRACE_HEADER),
            baggage: values(BAGGAGE_HEADER),
        };
        let mut hops = self.hops.lock().unwrap_or_else(PoisonError::into_inner);
        hops.push(hop);
    }

    /// Calls the next service in a client span.
    async fn call(&self, cx: &Context, next: &Next) -> StatusCode {
        let span = self
            .tracer
            .span_builder(format!("GET {}", next.route))
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("http.request.method", "GET"),
                KeyValue::new("url.full", next.url.clone()),
            ])
            .start_with_context(&self.tracer, cx);
        let cx = cx.with_span(span);

        let mut headers = HeaderMap::new();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&cx, &mut HeaderInjector(&mut headers));
        });
        let answer = self.client.get(&next.url).headers(headers).send().await;
        let status = answer.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status());
        end(&cx, status);
        status
    }
}

async fn handle(State(service): State<Arc<Service>>, headers: HeaderMap) -> StatusCode {
    service.log_hop(&headers);
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(&headers))
    });
    let span = service
        .tracer
        .span_builder(format!("GET {}", service.route))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", service.route),
        ])
        .start_with_context(&service.tracer, &parent);
    let cx = parent.with_span(span);

    tokio::time::sleep(WORK).await;
    let status = match &service.next {
        Some(next) => service.call(&cx, next).await,
        None => StatusCode::OK,
    };
    tokio::time::sleep(WORK).await;
    end(&cx, status);
    status
}

fn end(cx: &Context, status: StatusCode) {
    let span = cx.span();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
}
