//! axum with opentelemetry-instrumentation-tower. Calls use hyper-util's client in this crate's layer.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example axum_tower
//! ```

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::Router;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_instrumentation_tower::http::server;
use opentelemetry_sentry::{ClientLayer, ClientService};
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tower::{Layer, ServiceExt};

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: true,
    knows_urls: true,
};

type Traced = ClientService<Client<HttpConnector, Body>, BoxedTracer, TextMapCompositePropagator>;

#[derive(Clone)]
struct Shop {
    client: Traced,
    next: String,
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let layer = ClientLayer::new(global::tracer("shop"), setup.propagator);
    let client = layer.layer(Client::builder(TokioExecutor::new()).build_http());
    let router = Router::new()
        .route("/buy", get(buy))
        // Inside the router, where the matched path is known.
        .route_layer(server::Layer::new())
        .with_state(Shop { client, next: setup.next });
    Ok(axum::serve(setup.listener, router).await?)
}

async fn buy(State(shop): State<Shop>) -> StatusCode {
    let Ok(request) = Request::get(shop.next).body(Body::empty()) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let response = shop.client.oneshot(request).await;
    response.map_or(StatusCode::BAD_GATEWAY, |response| response.status())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    stacks::demonstrate(&Telemetry::register()?, STACK, serve).await
}
