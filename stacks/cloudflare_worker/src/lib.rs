//! A worker between two services: continues the trace of the request, calls `to` with it, and
//! sends its spans to Sentry after the answer.
//!
//! ```text
//! GET /relay?to=https%3A%2F%2Fapi.example%2Forders
//! ```
//!
//! Its settings are the bindings `SENTRY_DSN`, `SENTRY_TRACES_SAMPLE_RATE` and the others that
//! `SentryBuilder::env` names.

mod telemetry;

use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sentry::{continue_trace, trace_data, ExportRequest, TraceData};
use serde_json::{json, Value};
use worker::js_sys::Uint8Array;
use worker::{
    console_error, event, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    Response, Result, Url,
};

use crate::telemetry::Telemetry;

#[event(fetch)]
async fn fetch(request: Request, env: Env, worker: worker::Context) -> Result<Response> {
    let telemetry = Telemetry::of(&env)?;
    let response = match request.path().as_str() {
        "/healthz" => Response::ok("ok"),
        "/relay" => relay(telemetry, &request).await,
        _ => Response::error("try /relay?to=<url>", 404),
    };
    // The request's spans have ended. The runtime keeps the isolate until they are sent.
    if let Some(spans) = telemetry.spans.take_request() {
        worker.wait_until(send(spans));
    }
    response
}

async fn relay(telemetry: &Telemetry, request: &Request) -> Result<Response> {
    // The runtime joins repeated headers with a comma; the propagator reads lists.
    let headers: TraceData = request.headers().entries().collect();
    let parent = continue_trace(&telemetry.propagator, &headers);
    let server = telemetry.start_span(
        "GET /relay",
        SpanKind::Server,
        KeyValue::new("http.route", "/relay"),
        &parent,
    );

    let address = request.url()?;
    let Some((_, to)) = address.query_pairs().find(|(name, _)| name == "to") else {
        return Response::error("there is no `to`", 400);
    };
    let url = Url::parse(&to)?;
    // The sampler holds `url.full` against the propagation targets when the span starts.
    let client = telemetry.start_span(
        "GET",
        SpanKind::Client,
        KeyValue::new("url.full", url.to_string()),
        &server,
    );
    let upstream = match call(telemetry, &client, &url).await {
        Ok(upstream) => upstream,
        Err(error) => {
            client.span().set_status(Status::error(error.to_string()));
            server.span().set_status(Status::error("the upstream did not answer"));
            return Response::error("the upstream did not answer", 502);
        }
    };

    let span = server.span();
    Response::from_json(&json!({
        "trace_id": span.span_context().trace_id().to_string(),
        "span_id": span_id(&server),
        "parent_span_id": span_id(&parent),
        "client_span_id": span_id(&client),
        "sampled": span.span_context().is_sampled(),
        "upstream": upstream,
    }))
}

fn span_id(cx: &Context) -> Option<String> {
    let span = cx.span();
    span.span_context().is_valid().then(|| span.span_context().span_id().to_string())
}

/// One GET with the trace headers of `cx`; the answer is JSON, or else its text.
async fn call(telemetry: &Telemetry, cx: &Context, url: &Url) -> Result<Value> {
    let headers = Headers::new();
    for (name, value) in trace_data(&telemetry.propagator, cx) {
        headers.set(&name, &value)?;
    }
    let mut init = RequestInit::new();
    // A redirect would carry the headers to a host that the targets were not asked about.
    init.with_headers(headers).with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url.as_str(), &init)?;
    let text = Fetch::Request(request).send().await?.text().await?;
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A worker has no thread for a batch processor, so it sends its spans itself.
async fn send(spans: ExportRequest) {
    match try_send(&spans).await {
        Ok(200..=299) => {}
        Ok(status) => console_error!("Sentry answers {status} to the spans"),
        Err(error) => console_error!("the spans did not leave: {error}"),
    }
}

async fn try_send(spans: &ExportRequest) -> Result<u16> {
    let headers = Headers::new();
    for (name, value) in spans.headers() {
        headers.set(name, value)?;
    }
    let body = Uint8Array::from(spans.body());
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body.into()));
    let request = Request::new_with_init(spans.url(), &init)?;
    Ok(Fetch::Request(request).send().await?.status_code())
}
