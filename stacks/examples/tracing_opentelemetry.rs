//! `tracing` and tracing-opentelemetry, manually: spans for axum's requests and for reqwest's.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example tracing_opentelemetry
//! ```

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, Next};
use axum::response::Response;
use axum::routing::get;
use axum::Router;
use opentelemetry::global;
use opentelemetry_sentry::{HeaderMapExtractor, MergingInjector};
use reqwest::redirect::Policy;
use reqwest::Client;
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tracing::{info_span, Instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: true,
    knows_urls: true,
};

#[derive(Clone)]
struct Shop {
    client: Client,
    next: String,
}

pub fn subscribe(telemetry: &Telemetry) {
    let layer = tracing_opentelemetry::layer().with_tracer(telemetry.tracer());
    tracing_subscriber::registry().with(LevelFilter::INFO).with(layer).init();
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let router = Router::new()
        .route("/buy", get(buy))
        // A route layer, so that the matched path is known.
        .route_layer(from_fn(traced))
        .with_state(Shop { client, next: setup.next });
    Ok(axum::serve(setup.listener, router).await?)
}

async fn traced(path: MatchedPath, request: Request, next: Next) -> Response {
    let headers = HeaderMapExtractor::new(request.headers());
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let (method, route) = (request.method(), path.as_str());
    let span = info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.route = route,
    );
    // Must come before any span starts below this one.
    if let Err(error) = span.set_parent(parent) {
        tracing::warn!(%error, "the caller's trace is not continued");
    }
    next.run(request).instrument(span).await
}

async fn buy(State(shop): State<Shop>) -> StatusCode {
    // The targets are matched against `url.full`, so the span needs it at its start.
    let span = info_span!("GET", otel.kind = "client", url.full = shop.next);
    let Ok(mut request) = shop.client.get(&shop.next).build() else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&span.context(), &mut MergingInjector(request.headers_mut()));
    });
    let response = shop.client.execute(request).instrument(span).await;
    response.map_or(StatusCode::BAD_GATEWAY, |response| response.status())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::register()?;
    subscribe(&telemetry);
    stacks::demonstrate(&telemetry, STACK, serve).await
}
