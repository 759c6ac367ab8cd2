//! A service between two others: continues the incoming Sentry trace, calls the next service, and
//! answers with the ids it used. Real Sentry SDKs are pointed at it from both sides.
//!
//! ```sh
//! PORT=8080 SENTRY_DSN=http://key@o42.localhost/1 SENTRY_TRACES_SAMPLE_RATE=1 \
//!     cargo run --example relay
//! curl http://127.0.0.1:8080/ # how it is used
//! curl 'http://127.0.0.1:8080/relay?to=http%3A%2F%2F127.0.0.1%3A9000%2F'
//! ```
//!
//! The library reads its settings from the `SENTRY_*` variables; the relay itself reads `PORT` and
//! `UPSTREAM_URL`, the address to call if a request has no `to`. `COMPOSE` is the propagator to
//! register: `alone` (the default), `wrap` (around W3C trace context and baggage),
//! `wrap_within_targets`, or `list` (W3C trace context, W3C baggage, Sentry). `PROPAGATION=off`
//! registers no propagator, to measure its cost. With the library's feature `http`, trace headers are
//! moved into the request, not copied. The relay calls any address that it is given, so it listens on
//! the loopback interface only.

use std::borrow::Cow;
use std::env::{self, VarError};
use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{
    HeaderMap, HeaderValue, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
};
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
#[cfg(not(feature = "http"))]
use opentelemetry_http::HeaderInjector as RequestInjector;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
#[cfg(feature = "http")]
use opentelemetry_sentry::MergingInjector as RequestInjector;
use opentelemetry_sentry::{Sentry, BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER};
use reqwest::{redirect, Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

const ROUTE: &str = "/relay";

/// What `GET /` answers.
const USAGE: &str = "\
opentelemetry-sentry's relay: a service between two others, in their trace.

GET /relay?to=URL   continues the trace of this request, calls URL with its headers, and answers with
                    the ids it used; without `to` it calls UPSTREAM_URL
GET /healthz        ok

It reads PORT, UPSTREAM_URL, COMPOSE (alone, wrap, wrap_within_targets, list) and Sentry's settings:
SENTRY_DSN, SENTRY_TRACES_SAMPLE_RATE and the others of opentelemetry-sentry.

Try it; here the relay calls itself:
";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let compose = Compose::from_env()?;
    // In a list the W3C propagator writes all of `tracestate`, our member with it.
    let sentry = Sentry::builder().env().rewrite_tracestate(compose == Compose::List).build()?;
    let port = match setting("PORT")? {
        Some(port) => port.parse().map_err(|_| "PORT: not a port number")?,
        None => 0,
    };
    let default_upstream = setting("UPSTREAM_URL")?
        .map(|url| http_url(&url).map_err(|error| format!("UPSTREAM_URL: {error}")))
        .transpose()?;

    if setting("PROPAGATION")?.as_deref() != Some("off") {
        compose.register(&sentry);
    }
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let relay = Relay {
        tracer: provider.tracer("relay"),
        // One call per request: a redirect would carry the trace to an address that was not matched
        // against the propagation targets.
        client: Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?,
        default_upstream,
    };

    let router = Router::new()
        .route(ROUTE, get(relay_request).options(preflight))
        .route_layer(map_response(allow_any_origin))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(Arc::new(relay));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let usage = usage(address);
    let router = router.route("/", get(|| async { usage }));
    writeln!(io::stdout(), "listening on http://{address}")?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// With a call of itself that can be copied.
fn usage(address: SocketAddr) -> String {
    let trace = "sentry-trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1";
    format!(
        "{USAGE}curl -H '{trace}' 'http://{address}/relay?to=http%3A%2F%2F{}%2Fhealthz'\n",
        address.to_string().replace(':', "%3A"),
    )
}

/// Which propagator is registered.
#[derive(Clone, Copy, PartialEq)]
enum Compose {
    Alone,
    Wrap,
    WrapWithinTargets,
    List,
}

impl Compose {
    fn from_env() -> Result<Self, String> {
        match setting("COMPOSE")?.as_deref() {
            None | Some("alone") => Ok(Self::Alone),
            Some("wrap") => Ok(Self::Wrap),
            Some("wrap_within_targets") => Ok(Self::WrapWithinTargets),
            Some("list") => Ok(Self::List),
            Some(other) => {
                Err(format!("COMPOSE: not one of alone, wrap, wrap_within_targets, list: {other}"))
            }
        }
    }

    fn register(self, sentry: &Sentry) {
        let propagator = sentry.propagator();
        let mut w3c: Vec<Box<dyn TextMapPropagator + Send + Sync>> =
            vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())];
        match self {
            Self::Alone => global::set_text_map_propagator(propagator),
            Self::Wrap => {
                let w3c = TextMapCompositePropagator::new(w3c);
                global::set_text_map_propagator(propagator.wrap(w3c));
            }
            Self::WrapWithinTargets => {
                let w3c = TextMapCompositePropagator::new(w3c);
                global::set_text_map_propagator(propagator.wrap(w3c).within_targets());
            }
            Self::List => {
                w3c.push(Box::new(propagator));
                global::set_text_map_propagator(TextMapCompositePropagator::new(w3c));
            }
        }
    }
}

/// An empty variable counts as unset, as it does for the library's own settings.
fn setting(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name}: not valid UTF-8")),
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!("neither http nor https: {scheme}")),
    }
}

struct Relay {
    tracer: SdkTracer,
    client: Client,
    default_upstream: Option<Url>,
}

#[derive(Deserialize)]
struct RelayQuery {
    to: Option<String>,
}

#[derive(Serialize)]
struct Relayed {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    client_span_id: Option<String>,
    sampled: bool,
    upstream: Value,
}

struct RelayError(StatusCode, String);

impl IntoResponse for RelayError {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(json!({ "error": error }))).into_response()
    }
}

async fn relay_request(
    State(relay): State<Arc<Relay>>,
    query: Result<Query<RelayQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Relayed>, RelayError> {
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(&headers))
    });
    let name = format!("GET {ROUTE}");
    let route = KeyValue::new("http.route", ROUTE);
    let server = relay.start_span(name, SpanKind::Server, route, &parent);
    let parent_span_id = span_id(&parent);
    drop(parent);

    let url =
        relay.upstream_url(query).map_err(|error| RelayError(StatusCode::BAD_REQUEST, error))?;
    let url_full = KeyValue::new("url.full", url.to_string());
    let client = relay.start_span("GET", SpanKind::Client, url_full, &server);
    let upstream = relay.call(&client, url).await.map_err(|error| {
        let error = format!("the upstream did not answer: {error}");
        client.span().set_status(Status::error(error.clone()));
        server.span().set_status(Status::error(error.clone()));
        RelayError(StatusCode::BAD_GATEWAY, error)
    })?;

    let span = server.span();
    let span_context = span.span_context();
    Ok(Json(Relayed {
        trace_id: span_context.trace_id().to_string(),
        span_id: span_context.span_id().to_string(),
        parent_span_id,
        client_span_id: span_id(&client),
        sampled: span_context.is_sampled(),
        upstream,
    }))
}

fn span_id(context: &Context) -> Option<String> {
    let span = context.span();
    let span_context = span.span_context();
    span_context.is_valid().then(|| span_context.span_id().to_string())
}

impl Relay {
    /// Starts a span below `parent`. It ends when the returned context is dropped.
    ///
    /// The attributes are set at the start because the sampler sees no later ones: it matches
    /// `url.full` against the propagation targets, and uses the name as the transaction only if there
    /// is an `http.route`.
    fn start_span(
        &self,
        name: impl Into<Cow<'static, str>>,
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

    fn upstream_url(
        &self,
        query: Result<Query<RelayQuery>, QueryRejection>,
    ) -> Result<Url, String> {
        let Query(query) = query.map_err(|error| error.body_text())?;
        match (query.to, &self.default_upstream) {
            (Some(to), _) => http_url(&to).map_err(|error| format!("`to`: {error}")),
            (None, Some(url)) => Ok(url.clone()),
            (None, None) => Err("there is neither a `to` nor an UPSTREAM_URL".to_owned()),
        }
    }

    /// One GET with the trace headers of `context`. Returns the answer as JSON, or else as text.
    async fn call(&self, context: &Context, url: Url) -> reqwest::Result<Value> {
        let mut request = self.client.get(url).build()?;
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(context, &mut RequestInjector(request.headers_mut()));
        });
        let response = self.client.execute(request).await?;
        let text = response.text().await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

async fn preflight() -> Response {
    let allowed_headers = format!("{SENTRY_TRACE_HEADER}, {BAGGAGE_HEADER}, {TRACEPARENT_HEADER}");
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, OPTIONS".to_owned()),
        (ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn allow_any_origin(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
