//! The stations of a request: HTTP servers on loopback. Each calls the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{header, HeaderMap, StatusCode};
use axum::routing::get;
use axum::Router;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider, SpanData,
};
use opentelemetry_sentry::Sentry;
use tokio::net::TcpListener;

use crate::traces::Trace;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The kinds of stations between our two services.
#[derive(Clone, Copy)]
pub(crate) enum Station {
    /// Changes headers but does not take part in the trace.
    Proxy(fn(&mut HeaderMap)),
    /// A service with OTel's own propagators and the SDK's default sampler.
    Stock,
}

/// The result of one request.
pub(crate) struct Passage {
    /// The headers that each station received: our first service, the stations in the middle, our
    /// second service, and the last station, which only records them.
    pub(crate) seen: Vec<HeaderMap>,
    /// What our two services exported.
    pub(crate) front: Vec<SpanData>,
    pub(crate) back: Vec<SpanData>,
}

/// Stations that are waiting for a request.
pub(crate) struct Mesh {
    client: reqwest::Client,
    entrance: String,
    seen: Seen,
    exporters: [InMemorySpanExporter; 2],
}

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

impl Mesh {
    pub(crate) async fn start(trace: &Trace, middle: &[Station]) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        let client = client.expect("an HTTP client");
        let exporters = [InMemorySpanExporter::default(), InMemorySpanExporter::default()];
        let ours =
            |place: usize, release| Role::ours(release, trace.rates[place], &exporters[place]);
        let mut roles = vec![ours(0, "front@1+2")];
        roles.extend(middle.iter().map(|station| match station {
            Station::Proxy(rewrite) => Role::Proxy(*rewrite),
            Station::Stock => Role::stock(),
        }));
        roles.push(ours(1, "back@3"));
        roles.push(Role::End);

        let seen = Seen::default();
        let mut next = String::new();
        // Starts the last station first: each needs the address of the next.
        for role in roles.into_iter().rev() {
            let server = Server { role, next, client: client.clone(), seen: Arc::clone(&seen) };
            next = server.listen().await;
        }
        Mesh { client, entrance: next, seen, exporters }
    }

    pub(crate) async fn pass(self, headers: &[(&str, &str)]) -> Passage {
        let mut request = self.client.get(&self.entrance);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let [front, back] =
            self.exporters.map(|exporter| exporter.get_finished_spans().expect("spans"));
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        Passage { seen, front, back }
    }
}

enum Role {
    Service { propagator: Box<dyn TextMapPropagator + Send + Sync>, tracer: SdkTracer },
    Proxy(fn(&mut HeaderMap)),
    End,
}

impl Role {
    fn ours(release: &str, rate: Option<f64>, exporter: &InMemorySpanExporter) -> Self {
        let mut builder =
            Sentry::builder().dsn("https://ourkey@o1.ingest.sentry.io/42").release(release);
        if let Some(rate) = rate {
            builder = builder.traces_sample_rate(rate);
        }
        let sentry = builder.build().expect("settings");
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(exporter.clone())
            .build();
        let propagator = Box::new(sentry.propagator().wrap(stock_propagator()));
        Role::Service { propagator, tracer: provider.tracer("ours") }
    }

    fn stock() -> Self {
        let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        Role::Service { propagator: Box::new(stock_propagator()), tracer: provider.tracer("stock") }
    }
}

fn stock_propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

struct Server {
    role: Role,
    next: String,
    client: reqwest::Client,
    seen: Seen,
}

impl Server {
    /// Listens on a free port. Returns the URL.
    async fn listen(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let router = Router::new().route("/", get(handle)).with_state(Arc::new(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn call(&self, headers: HeaderMap) -> StatusCode {
        let answer = self.client.get(&self.next).headers(headers).send().await;
        answer.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
    }
}

async fn handle(State(server): State<Arc<Server>>, mut headers: HeaderMap) -> StatusCode {
    server.seen.lock().unwrap_or_else(PoisonError::into_inner).push(headers.clone());
    match &server.role {
        Role::End => StatusCode::OK,
        Role::Proxy(rewrite) => {
            headers.remove(header::HOST);
            rewrite(&mut headers);
            server.call(headers).await
        }
        Role::Service { propagator, tracer } => {
            let parent = propagator.extract(&HeaderExtractor(&headers));
            let start = |kind, parent: &opentelemetry::Context| {
                let builder = tracer.span_builder("pass").with_kind(kind);
                parent.with_span(builder.start_with_context(tracer, parent))
            };
            let inner = start(SpanKind::Server, &parent);
            let client = start(SpanKind::Client, &inner);
            let mut outgoing = HeaderMap::new();
            propagator.inject_context(&client, &mut HeaderInjector(&mut outgoing));
            let status = server.call(outgoing).await;
            client.span().end();
            inner.span().end();
            status
        }
    }
}

/// The value of a header that occurs once, or `None` if it is absent.
pub(crate) fn line<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    assert!(headers.get_all(name).iter().count() <= 1, "two {name}");
    headers.get(name).map(|value| value.to_str().expect("text"))
}

/// The members of a list header, over all its lines.
pub(crate) fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().expect("text"));
    let members = lines.flat_map(|line| line.split(',')).map(str::trim);
    members.filter(|member| !member.is_empty()).map(str::to_owned).collect()
}
