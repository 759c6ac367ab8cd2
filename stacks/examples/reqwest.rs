//! reqwest, in this crate's layer and manually. The server is axum.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example reqwest
//! ```

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::Router;
use opentelemetry::global;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_instrumentation_tower::http::server;
use opentelemetry_sentry::{inject_headers, ClientLayer, OutgoingUrlExt};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response};
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: true,
    knows_urls: true,
};

/// The client in its layer. The full type would name the tracer and the propagator.
type Traced = BoxCloneSyncService<Request, Response, reqwest::Error>;

#[derive(Clone)]
struct Shop {
    client: Client,
    traced: Traced,
    next: String,
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    // reqwest would also send the headers to a redirect's address.
    let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let layer = ClientLayer::new(global::tracer("shop"), setup.propagator);
    let traced = BoxCloneSyncService::new(layer.layer(client.clone()));
    let router = Router::new()
        .route("/buy", get(buy))
        .route_layer(server::Layer::new())
        .with_state(Shop { client, traced, next: setup.next });
    Ok(axum::serve(setup.listener, router).await?)
}

/// The same, manually.
async fn by_hand(client: &Client, url: &str) -> reqwest::Result<StatusCode> {
    let mut request = client.get(url).build()?;
    let parent = Context::current().with_outgoing_url(url);
    let span = SpanBuilder::from_name("GET").with_kind(SpanKind::Client);
    let cx = parent.with_span(span.start_with_context(&global::tracer("shop"), &parent));
    global::get_text_map_propagator(|propagator| {
        inject_headers(propagator, &cx, url, request.headers_mut());
    });
    Ok(client.execute(request).with_context(cx).await?.status())
}

async fn buy(State(shop): State<Shop>) -> StatusCode {
    let Ok(request) = shop.client.get(&shop.next).build() else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let first = shop.traced.oneshot(request).await.map(|response| response.status());
    let second = by_hand(&shop.client, &shop.next).await;
    match (first, second) {
        (Ok(first), Ok(second)) => first.max(second),
        _ => StatusCode::BAD_GATEWAY,
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    stacks::demonstrate(&Telemetry::register()?, STACK, serve).await
}
