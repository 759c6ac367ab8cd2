//! One service between a load generator and an upstream, with propagation or without:
//!
//! ```sh
//! hop --port 9000                        # the upstream
//! hop --port 9001 --propagator sentry    # curl 'http://127.0.0.1:9001/?to=http%3A%2F%2F127.0.0.1%3A9000%2Fanswer'
//! hop --port 9002 --propagator floor     # takes the same headers in and sends them on, no more
//! hop --port 9003
//! ```
//!
//! A request is what it is to the relay example: extract, a SERVER and a CLIENT span, inject (by
//! this crate's own carrier), a call to the address in `to`, and an answer in JSON with the ids used. Without a `--propagator`
//! there is OTel's own that does nothing; the rest is the same.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use benches::Floor;
use clap::{Parser, ValueEnum};
use opentelemetry::trace::noop::NoopTextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sentry::{MergingInjector, Sentry};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{json, Value};

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    port: u16,
    #[arg(long, value_enum, default_value = "none")]
    propagator: Propagator,
}

#[derive(Clone, Copy, ValueEnum)]
enum Propagator {
    Sentry,
    Floor,
    None,
}

struct Hop {
    tracer: SdkTracer,
    client: Client,
}

#[derive(Deserialize)]
struct Target {
    to: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { port, propagator } = Arguments::parse();
    let router = Router::new()
        .route("/", get(relay))
        .route("/answer", get(answer))
        .with_state(Arc::new(hop(propagator)?));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Tells how many of Sentry's headers came along.
async fn answer(headers: HeaderMap) -> Json<Value> {
    let names = ["sentry-trace", "baggage"];
    let count = names.into_iter().filter(|name| headers.contains_key(*name)).count();
    Json(json!({ "trace_headers": count }))
}

fn hop(propagator: Propagator) -> Result<Hop, Box<dyn Error>> {
    let sentry = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42")
        .release("shop@1")
        .traces_sample_rate(1.0)
        .build()?;
    match propagator {
        Propagator::Sentry => global::set_text_map_propagator(sentry.propagator()),
        Propagator::Floor => global::set_text_map_propagator(Floor),
        Propagator::None => global::set_text_map_propagator(NoopTextMapPropagator::new()),
    }
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    Ok(Hop { tracer: provider.tracer("hop"), client })
}

async fn relay(
    State(hop): State<Arc<Hop>>,
    Query(Target { to }): Query<Target>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(&headers))
    });
    let server = hop.span("GET /", SpanKind::Server, KeyValue::new("http.route", "/"), &parent);
    let to = Url::parse(&to).map_err(|_| StatusCode::BAD_REQUEST)?;
    let url = KeyValue::new("url.full", to.to_string());
    let client = hop.span("GET", SpanKind::Client, url, &server);
    let upstream = hop.call(&client, to).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let [server, client] = [server, client].map(|cx| cx.span().span_context().clone());
    Ok(Json(json!({
        "trace_id": server.trace_id().to_string(),
        "span_id": server.span_id().to_string(),
        "parent_span_id": parent.span().span_context().span_id().to_string(),
        "client_span_id": client.span_id().to_string(),
        "sampled": server.is_sampled(),
        "upstream": upstream,
    })))
}

impl Hop {
    fn span(
        &self,
        name: &'static str,
        kind: SpanKind,
        attribute: KeyValue,
        parent: &Context,
    ) -> Context {
        let method = KeyValue::new("http.request.method", "GET");
        let span = self
            .tracer
            .span_builder(name)
            .with_kind(kind)
            .with_attributes([method, attribute])
            .start_with_context(&self.tracer, parent);
        parent.with_span(span)
    }

    async fn call(&self, cx: &Context, url: Url) -> reqwest::Result<Value> {
        let mut request = self.client.get(url).build()?;
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(cx, &mut MergingInjector(request.headers_mut()));
        });
        let answer = self.client.execute(request).await?.text().await?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }
}
