//! axum with axum-tracing-opentelemetry. Calls use reqwest, with the helpers of the same project.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example axum_tracing_opentelemetry
//! ```

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::Router;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use reqwest::redirect::Policy;
use reqwest::Client;
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tracing::level_filters::LevelFilter;
use tracing::{info_span, Instrument};
use tracing_opentelemetry_instrumentation_sdk::http::inject_context;
use tracing_opentelemetry_instrumentation_sdk::{find_context_from_tracing, TRACING_TARGET};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: false,
    knows_urls: true,
};

#[derive(Clone)]
struct Shop {
    client: Client,
    next: String,
}

pub fn subscribe(telemetry: &Telemetry) {
    // Its spans have the level TRACE.
    let filter = Targets::new().with_default(LevelFilter::INFO);
    let filter = filter.with_target(TRACING_TARGET, LevelFilter::TRACE);
    let layer = tracing_opentelemetry::layer().with_tracer(telemetry.tracer());
    tracing_subscriber::registry().with(filter).with(layer).init();
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let router = Router::new()
        .route("/buy", get(buy))
        .layer(OtelAxumLayer::default())
        .with_state(Shop { client, next: setup.next });
    Ok(axum::serve(setup.listener, router).await?)
}

async fn buy(State(shop): State<Shop>) -> StatusCode {
    // The targets are matched against `url.full`, so the span needs it at its start.
    let span = info_span!("GET", otel.kind = "client", url.full = shop.next);
    let Ok(mut request) = shop.client.get(&shop.next).build() else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    inject_context(&find_context_from_tracing(&span), request.headers_mut());
    let response = shop.client.execute(request).instrument(span).await;
    response.map_or(StatusCode::BAD_GATEWAY, |response| response.status())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = Telemetry::register()?;
    subscribe(&telemetry);
    stacks::demonstrate(&telemetry, STACK, serve).await
}
