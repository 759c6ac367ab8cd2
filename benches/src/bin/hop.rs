//! One service between a load generator and an upstream, with propagation or without:
//!
//! ```sh
//! hop --port 9000                                                # the upstream
//! hop --port 9001 --upstream http://127.0.0.1:9000/ --propagate
//! hop --port 9002 --upstream http://127.0.0.1:9000/
//! ```
//!
//! A request is what it is to the relay example: extract, a SERVER and a CLIENT span, inject, a
//! call. Without `--propagate` the propagator is OTel's own that does nothing; the rest is the
//! same.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::Router;
use clap::Parser;
use opentelemetry::trace::noop::NoopTextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sentry::Sentry;
use reqwest::Client;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    port: u16,
    /// Called for each request; without one the answer is the service's own
    #[arg(long)]
    upstream: Option<String>,
    #[arg(long)]
    propagate: bool,
}

struct Hop {
    tracer: SdkTracer,
    client: Client,
    upstream: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { port, upstream, propagate } = Arguments::parse();
    let router = match upstream {
        None => Router::new().route("/", get(upstream_answer)),
        Some(upstream) => {
            Router::new().route("/", get(relay)).with_state(hop(upstream, propagate)?)
        }
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Tells how many of the headers of Sentry came along.
async fn upstream_answer(headers: HeaderMap) -> String {
    let names = ["sentry-trace", "baggage"];
    names.into_iter().filter(|name| headers.contains_key(*name)).count().to_string()
}

fn hop(upstream: String, propagate: bool) -> Result<Arc<Hop>, Box<dyn Error>> {
    let sentry = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42")
        .release("shop@1")
        .traces_sample_rate(1.0)
        .build()?;
    if propagate {
        global::set_text_map_propagator(sentry.propagator());
    } else {
        global::set_text_map_propagator(NoopTextMapPropagator::new());
    }
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let client = Client::builder().no_proxy().build()?;
    Ok(Arc::new(Hop { tracer: provider.tracer("hop"), client, upstream }))
}

async fn relay(State(hop): State<Arc<Hop>>, headers: HeaderMap) -> Result<String, StatusCode> {
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(&headers))
    });
    let server = hop.span("GET /", SpanKind::Server, KeyValue::new("http.route", "/"), &parent);
    let url = KeyValue::new("url.full", hop.upstream.clone());
    let client = hop.span("GET", SpanKind::Client, url, &server);
    hop.call(&client).await.map_err(|_| StatusCode::BAD_GATEWAY)
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

    async fn call(&self, cx: &Context) -> reqwest::Result<String> {
        let mut headers = HeaderMap::new();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(cx, &mut HeaderInjector(&mut headers));
        });
        self.client.get(&self.upstream).headers(headers).send().await?.text().await
    }
}
