//! Three services on loopback and what they call last; each has its own propagator and sampler.

use std::error::Error;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::Router;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider, SpanData,
};
use opentelemetry_sentry::Sentry;
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_secs(5);
const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42";

/// What the storefront's own code puts into OpenTelemetry's baggage.
pub(crate) const CART: (&str, &str) = ("cart", "7 apples");

pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) route: &'static str,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Sentry { release: &'static str, sample_rate: f64 },
    OpenTelemetry,
}

/// The services of a request, in the order in which it passes them.
pub(crate) const CHAIN: [Profile; 3] = [
    Profile {
        name: "storefront",
        route: "/buy",
        kind: Kind::Sentry { release: "storefront@1.4.0+b9", sample_rate: 1.0 },
    },
    Profile { name: "inventory", route: "/take", kind: Kind::OpenTelemetry },
    // With its own decision it would sample nothing.
    Profile {
        name: "payments",
        route: "/pay",
        kind: Kind::Sentry { release: "payments@7.2.1", sample_rate: 0.0 },
    },
];

/// What payments calls. It only answers.
const BANK: &str = "bank";

/// The headers of one request, as they arrived.
pub(crate) struct Hop {
    pub(crate) to: &'static str,
    pub(crate) headers: HeaderMap,
}

/// The result of one request.
pub(crate) struct Observed {
    pub(crate) hops: Vec<Hop>,
    /// Each exported span with the name of its service.
    pub(crate) spans: Vec<(&'static str, SpanData)>,
}

type HopLog = Arc<Mutex<Vec<Hop>>>;

/// The services, running.
pub(crate) struct Shop {
    client: reqwest::Client,
    entrance: String,
    exporters: Vec<(&'static str, InMemorySpanExporter)>,
    hops: HopLog,
}

impl Shop {
    pub(crate) async fn open() -> Result<Self, Box<dyn Error>> {
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        let hops = HopLog::default();
        let bank = Router::new().route("/", get(bank_answers)).with_state(Arc::clone(&hops));
        let mut next = listen(bank, "/").await?;
        let mut exporters = Vec::new();
        // Last to first: each has to know the address of the next one.
        for profile in CHAIN.iter().rev() {
            let exporter = InMemorySpanExporter::default();
            let (propagator, tracer) = profile.instrument(&exporter)?;
            let service = Service {
                profile,
                propagator,
                tracer,
                client: client.clone(),
                next,
                hops: Arc::clone(&hops),
            };
            let router = Router::new().route(profile.route, get(handle));
            next = listen(router.with_state(Arc::new(service)), profile.route).await?;
            exporters.push((profile.name, exporter));
        }
        Ok(Shop { client, entrance: next, exporters, hops })
    }

    /// Sends a request to the storefront, and gathers what the services saw and exported.
    pub(crate) async fn serve(&self, headers: &[(&str, &str)]) -> Result<Observed, Box<dyn Error>> {
        let mut call = self.client.get(&self.entrance);
        for (name, value) in headers {
            call = call.header(*name, *value);
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

/// Listens on a port of the system's choice; returns the URL.
async fn listen(router: Router, route: &str) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{route}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

type Propagator = Box<dyn TextMapPropagator + Send + Sync>;

impl Profile {
    /// The lines of code that this example is about.
    fn instrument(
        &self,
        exporter: &InMemorySpanExporter,
    ) -> Result<(Propagator, SdkTracer), Box<dyn Error>> {
        let w3c = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]);
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
        let (propagator, provider): (Propagator, _) = match self.kind {
            Kind::Sentry { release, sample_rate } => {
                let sentry = Sentry::builder()
                    .dsn(DSN)
                    .release(release)
                    .traces_sample_rate(sample_rate)
                    .build()?;
                let provider = provider.with_sampler(sentry.sampler());
                (Box::new(sentry.propagator().wrap(w3c)), provider)
            }
            Kind::OpenTelemetry => {
                let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
                (Box::new(w3c), provider.with_sampler(sampler))
            }
        };
        Ok((propagator, provider.build().tracer(self.name)))
    }
}

struct Service {
    profile: &'static Profile,
    propagator: Propagator,
    tracer: SdkTracer,
    client: reqwest::Client,
    next: String,
    hops: HopLog,
}

impl Service {
    fn start(&self, kind: SpanKind, name: String, url: KeyValue, parent: &Context) -> Context {
        let builder = self.tracer.span_builder(name).with_kind(kind).with_attributes([url]);
        parent.with_span(builder.start_with_context(&self.tracer, parent))
    }
}

async fn handle(State(service): State<Arc<Service>>, headers: HeaderMap) -> StatusCode {
    let Profile { name, route, .. } = *service.profile;
    log(&service.hops, name, &headers);
    let parent = service.propagator.extract(&HeaderExtractor(&headers));
    let route_attribute = KeyValue::new("http.route", route);
    let mut cx = service.start(SpanKind::Server, format!("GET {route}"), route_attribute, &parent);
    if name == CHAIN[0].name {
        cx = cx.with_baggage([KeyValue::new(CART.0, CART.1)]);
    }

    let url = KeyValue::new("url.full", service.next.clone());
    let call = service.start(SpanKind::Client, "GET".to_owned(), url, &cx);
    let mut outgoing = HeaderMap::new();
    service.propagator.inject_context(&call, &mut HeaderInjector(&mut outgoing));
    let answer = service.client.get(&service.next).headers(outgoing).send().await;
    call.span().end();
    cx.span().end();
    answer.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
}

async fn bank_answers(State(hops): State<HopLog>, headers: HeaderMap) -> StatusCode {
    log(&hops, BANK, &headers);
    StatusCode::OK
}

fn log(hops: &HopLog, to: &'static str, headers: &HeaderMap) {
    let hop = Hop { to, headers: headers.clone() };
    hops.lock().unwrap_or_else(PoisonError::into_inner).push(hop);
}
