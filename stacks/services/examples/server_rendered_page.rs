//! A server-rendered page and the browser that shows it: one trace, from the request for the page to
//! the calls of its scripts.
//!
//! ```sh
//! cargo run --manifest-path stacks/services/Cargo.toml --example server_rendered_page
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use html5gum::{Token, Tokenizer};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, TraceData};
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_secs(5);

struct Server {
    sentry: Sentry,
    provider: SdkTracerProvider,
}

impl Server {
    /// The SERVER span of a request. It continues the request's trace.
    fn start(&self, headers: &HeaderMap, name: &'static str, route: &'static str) -> Context {
        let parent = continue_trace(&self.sentry.propagator(), &HeaderExtractor(headers));
        let tracer = self.provider.tracer("server");
        let builder = tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("http.route", route)]);
        parent.with_span(builder.start_with_context(&tracer, &parent))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server_rendered_page: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let sentry = Sentry::builder()
        .dsn("https://key@o1.ingest.sentry.io/42")
        .release("shop <beta> & \"co\"")
        .traces_sample_rate(1.0)
        .build()?;
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(spans.clone())
        .build();
    let router = Router::new()
        .route("/", get(page))
        .route("/api/cart", get(cart))
        .with_state(Arc::new(Server { sentry, provider }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    // The browser: it loads the page, reads its tags, and calls the server in the same trace.
    let browser = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let response = browser.get(&origin).send().await?.error_for_status()?;
    let timing = response.headers().get("server-timing").cloned();
    let page = response.text().await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{page}\n")?;
    let found = meta_tags(&page);
    let mut call = browser.get(format!("{origin}/api/cart"));
    for (name, value) in found.iter() {
        call = call.header(name, value);
    }
    call.send().await?.error_for_status()?;
    let spans = spans.get_finished_spans()?;
    server.abort();

    // A response without a page carries the trace in a header.
    let timing = timing.ok_or("no Server-Timing")?;
    writeln!(stdout, "server-timing: {}", timing.to_str()?)?;
    assert!(timing.to_str()?.starts_with("sentry-trace;desc=\""));

    for span in &spans {
        writeln!(stdout, "{} {}", span.span_context.trace_id(), span.name)?;
    }
    let [page, call] = &spans[..] else { return Err("two requests were made".into()) };
    assert_eq!(page.span_context.trace_id(), call.span_context.trace_id());
    assert_eq!(call.parent_span_id, page.span_context.span_id());
    let baggage = found.get("baggage").ok_or("no baggage")?;
    assert!(baggage.contains("sentry-release=shop%20%3Cbeta%3E%20%26%20%22co%22"), "{baggage}");
    assert!(baggage.contains("sentry-transaction=GET%20%2F"), "{baggage}");
    Ok(())
}

async fn page(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let cx = server.start(&headers, "GET /", "/");
    let data = trace_data(&server.sentry.propagator(), &cx);
    let page = format!(
        "<!doctype html>\n<html><head>\n<title>Shop</title>\n{}\n</head><body></body></html>",
        data.to_meta_tags()
    );
    let timing = data.to_server_timing().map(|value| [("server-timing", value)]);
    (timing.map(axum::response::AppendHeaders), Html(page)).into_response()
}

async fn cart(State(server): State<Arc<Server>>, headers: HeaderMap) -> StatusCode {
    let _cx = server.start(&headers, "GET /api/cart", "/api/cart");
    StatusCode::NO_CONTENT
}

/// What a browser's parser finds in the page.
fn meta_tags(page: &str) -> TraceData {
    let tags = Tokenizer::new(page).filter_map(|Ok(token)| match token {
        Token::StartTag(tag) if *tag.name == b"meta" => {
            let attribute = |name: &str| {
                let value = tag.attributes.get(name.as_bytes())?;
                String::from_utf8(value.to_vec()).ok()
            };
            Some((attribute("name")?, attribute("content")?))
        }
        _ => None,
    });
    tags.collect()
}
