//! `sentry` behind axum, with its own tower layers: reports the trace it continued or started, and
//! calls the address in `to`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use sentry::integrations::tower::{NewSentryLayer, SentryHttpLayer};
use serde::Deserialize;
use serde_json::{json, Value};

const TRACE_HEADERS: [&str; 4] = ["sentry-trace", "baggage", "traceparent", "tracestate"];

#[derive(Deserialize)]
struct Settings {
    dsn: String,
    release: String,
    environment: String,
    rate: Option<f32>,
    org_id: Option<String>,
    strict: bool,
}

#[derive(Deserialize)]
struct TraceQuery {
    to: Option<String>,
}

#[tokio::main]
async fn main() {
    let settings = std::env::var("INTEROP_SETTINGS").expect("INTEROP_SETTINGS is set");
    let settings: Settings = serde_json::from_str(&settings).expect("INTEROP_SETTINGS is JSON");
    let mut options = sentry::ClientOptions::new();
    options.dsn = Some(settings.dsn.parse().expect("the DSN is valid"));
    options.release = Some(settings.release.into());
    options.environment = Some(settings.environment.into());
    options.org_id = settings.org_id.map(|id| id.parse().expect("an organization id"));
    options.strict_trace_continuation = settings.strict;
    if let Some(rate) = settings.rate {
        options = options.traces_sample_rate(rate);
    }
    let _guard = sentry::init(options);

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let router = Router::new()
        .route("/trace", get(trace))
        .layer(SentryHttpLayer::new().enable_transaction())
        .layer(NewSentryLayer::new_from_top())
        .with_state(Arc::new(client));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("listening on http://{}/trace", listener.local_addr().expect("an address"));
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    axum::serve(listener, router).await.expect("the server runs");
}

async fn trace(
    State(client): State<Arc<reqwest::Client>>,
    Query(query): Query<TraceQuery>,
    headers: HeaderMap,
) -> Json<Value> {
    sentry::capture_message("interop", sentry::Level::Info);
    // The SDK instruments no HTTP client: its users copy these headers by hand.
    let trace_data: Vec<(&str, String)> =
        sentry::configure_scope(|scope| scope.iter_trace_propagation_headers().collect());
    let answer = match query.to {
        None => Value::Null,
        Some(to) => {
            let request = trace_data
                .iter()
                .fold(client.get(to), |request, (name, value)| request.header(*name, value));
            let response = request.send().await.expect("an answer");
            serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
        }
    };
    let received: Vec<(&str, &str)> = TRACE_HEADERS
        .into_iter()
        .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
        .map(|(name, value)| (name, value.to_str().unwrap_or("not text")))
        .collect();
    let trace_data: serde_json::Map<String, Value> =
        trace_data.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Json(json!({ "headers": received, "trace_data": trace_data, "answer": answer }))
}
