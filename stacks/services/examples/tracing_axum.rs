//! For users of `tracing`: axum, reqwest and tower-otel, without a line of OTel in the handlers.
//! Targets, sampling and propagation work as usual. A span that a filter disables sends no headers.
//!
//! ```sh
//! cargo run --manifest-path stacks/services/Cargo.toml --example tracing_axum
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Write};
use std::mem;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use axum::Router;
use opentelemetry::global;
use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use opentelemetry_sentry::Sentry;
use reqwest::{Client, Method, Request, Url};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use tower_otel::trace::HttpLayer;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const TIMEOUT: Duration = Duration::from_secs(5);
const PARTNER: &str = "partner.example";
const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
const CALLER: &str = "7dd6b3a1fb4d9c2a";
const DSC: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sample_rate=0.5,\
                   sentry-sample_rand=0.250000,sentry-release=web%401.0";

/// The trace headers that a path was called with.
type Seen = HashMap<String, [Option<String>; 2]>;

struct Shop {
    client: Client,
    address: SocketAddr,
    seen: Mutex<Seen>,
}

impl Shop {
    fn note(&self, path: &str, headers: &HeaderMap) {
        let header = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let both = ["sentry-trace", "baggage"].map(header);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(path.to_owned(), both);
    }

    /// Calls an address in a CLIENT span of this level.
    async fn call(&self, host: &str, path: &str, level: Level) -> StatusCode {
        let url = format!("http://{host}:{}{path}", self.address.port());
        let Ok(url) = Url::parse(&url) else { return StatusCode::BAD_REQUEST };
        let client = HttpLayer::client(level).layer(self.client.clone());
        let answer = client.oneshot(Request::new(Method::GET, url)).await;
        answer.map_or(StatusCode::BAD_GATEWAY, |response| response.status())
    }
}

async fn buy(State(shop): State<Arc<Shop>>) -> StatusCode {
    let calls = [
        shop.call("127.0.0.1", "/checkout", Level::INFO).await,
        shop.call(PARTNER, "/partner", Level::INFO).await,
        // The subscriber's filter disables this span.
        shop.call("127.0.0.1", "/filtered", Level::DEBUG).await,
    ];
    calls.into_iter().find(|status| !status.is_success()).unwrap_or(StatusCode::OK)
}

async fn called(State(shop): State<Arc<Shop>>, uri: Uri, headers: HeaderMap) {
    shop.note(uri.path(), &headers);
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracing_axum: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // The rate is 0, so everything recorded is the caller's decision.
    let sentry = Sentry::builder()
        .dsn("https://key@o1.ingest.sentry.io/42")
        .traces_sample_rate(0.0)
        .trace_propagation_targets(["http://127.0.0.1"])
        .build()?;
    global::set_text_map_propagator(sentry.propagator());
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_simple_exporter(spans.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    tracing_subscriber::registry().with(LevelFilter::INFO).with(layer).init();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let client = Client::builder().no_proxy().timeout(TIMEOUT).resolve(PARTNER, address).build()?;
    let shop = Arc::new(Shop { client: client.clone(), address, seen: Mutex::default() });
    let router = Router::new()
        .route("/buy", get(buy))
        // A route's layer, so that it knows the route.
        .route_layer(HttpLayer::server(Level::INFO))
        .fallback(called)
        .with_state(Arc::clone(&shop));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    for flag in ["-1", "-0"] {
        let incoming = format!("{TRACE_ID}-{CALLER}{flag}");
        let call = client.get(format!("http://{address}/buy"));
        let call = call.header("sentry-trace", &incoming).header("baggage", DSC);
        call.send().await?.error_for_status()?;

        let seen = mem::take(&mut *shop.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let exported = spans.get_finished_spans()?;
        spans.reset();
        print(&incoming, &seen, &exported)?;
        check(flag, &seen, &exported);
    }
    server.abort();
    Ok(())
}

fn check(flag: &str, seen: &Seen, exported: &[SpanData]) {
    let [trace, baggage] = &seen["/checkout"];
    let trace = trace.as_deref().expect("the checkout is a target");
    assert!(trace.starts_with(TRACE_ID) && trace.ends_with(flag) && !trace.contains(CALLER));
    assert_eq!(baggage.as_deref(), Some(DSC), "the caller's, byte for byte");
    assert_eq!(seen["/partner"], [None, None], "the partner is no target");
    assert_eq!(seen["/filtered"], [None, None], "a span that was filtered is no span");

    if flag == "-0" {
        assert!(exported.is_empty(), "the caller decided against it");
        return;
    }
    let server = exported.iter().find(|span| span.span_kind == SpanKind::Server);
    let server = server.expect("a server span");
    assert_eq!(server.name, "GET /buy");
    assert_eq!(server.parent_span_id.to_string(), CALLER);
    let clients: Vec<_> =
        exported.iter().filter(|span| span.span_kind == SpanKind::Client).collect();
    assert_eq!(clients.len(), 2, "the partner's call is recorded, only not told of the trace");
    for client in &clients {
        assert_eq!(client.parent_span_id, server.span_context.span_id());
        assert_eq!(client.span_context.trace_id().to_string(), TRACE_ID);
    }
    assert!(clients
        .iter()
        .any(|client| trace.contains(&client.span_context.span_id().to_string())));
}

fn print(incoming: &str, seen: &Seen, exported: &[SpanData]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "GET /buy, sentry-trace: {incoming}")?;
    for span in exported {
        writeln!(stdout, "  {:?} {}", span.span_kind, span.name)?;
    }
    for (path, [trace, _]) in seen {
        writeln!(stdout, "  {path} saw {}", trace.as_deref().unwrap_or("no trace"))?;
    }
    Ok(())
}
