use std::env;
use std::error::Error;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn, Next};
use axum::response::Response;
use axum::routing::get;
use axum::Router;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::KeyValue;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::header::TRACE_HEADERS;
use opentelemetry_sentry::{
    ClientLayer, ClientService, HeaderMapExtractor, Sentry, WrappedPropagator,
};
use reqwest::{redirect::Policy, Url};
use tower::{Layer, ServiceExt};
use tower_http::cors::CorsLayer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

type Propagator = WrappedPropagator<TraceContextPropagator>;

#[derive(Clone)]
struct Shop {
    client: ClientService<reqwest::Client, BoxedTracer, Propagator>,
    stock: Url,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log_filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    tracing_subscriber::fmt().with_env_filter(log_filter.from_env_lossy()).init();

    // SENTRY_DSN, SENTRY_TRACES_SAMPLE_RATE and the other settings.
    let sentry = Sentry::from_env()?;
    // Exports spans until it is dropped at the end of `main`, the last ones then.
    let _installed = sentry.install("shop")?;

    // The client would take the trace headers along to wherever a redirect leads.
    let client = reqwest::Client::builder().redirect(Policy::none()).build()?;
    let propagator = sentry.propagator().wrap(TraceContextPropagator::new());
    let client = ClientLayer::new(global::tracer("shop"), propagator).layer(client);

    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let stock = Url::parse(&format!("http://127.0.0.1:{port}/api/stock"))?;
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static("http://localhost:5173"))
        .allow_methods([Method::GET])
        .allow_headers(TRACE_HEADERS);
    let router = Router::new()
        .route("/api/cart", get(cart))
        .route("/api/stock", get(|| async { "3 pairs of socks" }))
        .route_layer(from_fn(server_span))
        .layer(cors)
        .with_state(Shop { client, stock });
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

/// Calls the next service, which is this one again, in a CLIENT span.
async fn cart(State(shop): State<Shop>) -> Result<String, StatusCode> {
    tracing::info!("the cart is shown");
    let request = reqwest::Request::new(Method::GET, shop.stock);
    let response = shop.client.oneshot(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    response.text().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

/// A SERVER span in the caller's trace, without the query and the headers of the request.
async fn server_span(route: MatchedPath, request: Request, next: Next) -> Response {
    let headers = HeaderMapExtractor::new(request.headers());
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    let (method, route) = (request.method().as_str(), route.as_str());
    let tracer = global::tracer("shop");
    let span = tracer.span_builder(format!("{method} {route}")).with_kind(SpanKind::Server);
    let span = span.with_attributes([
        KeyValue::new("http.request.method", method.to_owned()),
        KeyValue::new("http.route", route.to_owned()),
    ]);
    let cx = parent.with_span(span.start_with_context(&tracer, &parent));

    let response = next.run(request).with_context(cx.clone()).await;
    let status = response.status();
    let code = i64::from(status.as_u16());
    cx.span().set_attribute(KeyValue::new("http.response.status_code", code));
    if status.is_server_error() {
        cx.span().set_status(Status::error(""));
    }
    response
}
