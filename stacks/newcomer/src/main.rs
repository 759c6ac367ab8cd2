//! Two services that join a trace which a Sentry SDK has started; and one that sends its spans.

use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use axum::Router;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use opentelemetry::{global, Context};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{inject_request, Sentry};

const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sentry = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
        .release("shop@1.2.3")
        .traces_sample_rate(0.2)
        .trace_propagation_targets(["http://127.0.0.1"])
        .build()?;
    global::set_text_map_propagator(sentry.propagator());
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    global::set_tracer_provider(provider);

    let auth = serve(Router::new().route("/", get(auth))).await?;
    let shop = serve(Router::new().route("/", get(shop)).with_state(auth)).await?;
    let answer = reqwest::Client::new()
        .get(shop)
        .header("sentry-trace", format!("{TRACE_ID}-7dd6b3a1fb4d9c2a-1"))
        .header("baggage", format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.25"))
        .send()
        .await?
        .text()
        .await?;
    println!("{answer}");
    if answer != format!("shop {TRACE_ID}, auth {TRACE_ID} sampled: true") {
        return Err("that is not one trace".into());
    }
    five_lines().await
}

/// What came, and where to.
type Received = Arc<Mutex<Vec<(String, Bytes)>>>;

/// Runs the other program of this project against a server in Sentry's place.
async fn five_lines() -> Result<(), Box<dyn Error>> {
    let received = Received::default();
    let sentry = serve(Router::new().fallback(receive).with_state(received.clone())).await?;
    let program = std::env::current_exe()?.with_file_name("five_lines");
    let status = tokio::process::Command::new(program)
        .env("SENTRY_DSN", sentry.replace("http://", "http://key@") + "42")
        .env("SENTRY_TRACES_SAMPLE_RATE", "1")
        .env("NO_PROXY", "127.0.0.1")
        .status()
        .await?;
    let received = received.lock().map_err(|_| "the server panicked")?;
    println!("{status}, {} requests", received.len());
    let [(path, body)] = &received[..] else { return Err("not one request".into()) };
    let has = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
    match status.code() == Some(1)
        && path == "/api/42/integration/otlp/v1/traces/"
        && has("GET /cart")
        && has("sentry.client_sample_rate")
    {
        true => Ok(()),
        false => Err("the span of a service that fails is not in Sentry".into()),
    }
}

async fn receive(State(received): State<Received>, uri: Uri, body: Bytes) -> StatusCode {
    match received.lock() {
        Ok(mut received) => received.push((uri.path().to_owned(), body)),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR,
    }
    StatusCode::OK
}

async fn serve(router: Router) -> Result<String, Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

/// The context of a request's server span.
fn server_span(name: &'static str, headers: &HeaderMap) -> Context {
    let parent = global::get_text_map_propagator(|p| p.extract(&HeaderExtractor(headers)));
    let tracer = global::tracer("newcomer");
    let span = tracer.span_builder(name).with_kind(SpanKind::Server);
    parent.with_span(span.start_with_context(&tracer, &parent))
}

fn trace_id(cx: &Context) -> String {
    cx.span().span_context().trace_id().to_string()
}

async fn shop(State(auth): State<String>, headers: HeaderMap) -> Result<String, StatusCode> {
    let cx = server_span("GET /shop", &headers);
    let own = trace_id(&cx);
    let mut request =
        axum::http::Request::get(&auth).body(()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    global::get_text_map_propagator(|propagator| inject_request(propagator, &cx, &mut request));
    let call = reqwest::Client::new().get(&auth).headers(request.headers().clone()).send();
    let answer = call.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let answer = answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(format!("shop {own}, {answer}"))
}

async fn auth(headers: HeaderMap) -> String {
    let cx = server_span("GET /auth", &headers);
    let sampled = cx.span().span_context().is_sampled();
    format!("auth {} sampled: {sampled}", trace_id(&cx))
}
