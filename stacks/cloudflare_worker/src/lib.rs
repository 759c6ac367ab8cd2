//! `GET /relay?to=<url>` continues the caller's trace and calls `to` with it.

use std::sync::OnceLock;

use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{
    continue_trace, trace_data, ExportRequest, Sentry, SentryPropagator, SpanBuffer, TraceData,
};
use serde_json::{json, Value};
use worker::js_sys::{Reflect, Uint8Array};
use worker::{
    console_error, event, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    Response, Result, Url,
};

#[event(fetch)]
async fn fetch(request: Request, env: Env, worker: worker::Context) -> Result<Response> {
    let telemetry = Telemetry::of(&env)?;
    let response = telemetry.relay(&request).await;
    // The request's spans have ended. The runtime keeps the isolate until they are sent.
    if let Some(spans) = telemetry.spans.take_request() {
        worker.wait_until(export(spans));
    }
    response
}

struct Telemetry {
    propagator: SentryPropagator,
    spans: SpanBuffer,
    tracer: SdkTracer,
}

impl Telemetry {
    /// Once for each isolate: its bindings are the same in every request.
    fn of(env: &Env) -> Result<&'static Self> {
        static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
        if let Some(telemetry) = TELEMETRY.get() {
            return Ok(telemetry);
        }
        let sentry = Sentry::builder()
            // Not `Env::var`, which throws on `null`: workerd's value for an unset variable.
            .env_from(|name| Reflect::get(env.as_ref(), &name.into()).ok()?.as_string())
            .build()
            .map_err(|error| error.to_string())?;
        let spans = sentry.span_buffer();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_resource(Resource::builder().with_service_name("cloudflare-worker").build())
            .with_simple_exporter(spans.clone())
            .build();
        let (propagator, tracer) = (sentry.propagator(), provider.tracer("cloudflare-worker"));
        Ok(TELEMETRY.get_or_init(|| Telemetry { propagator, spans, tracer }))
    }

    /// The span ends when the returned context is dropped. The sampler and the targets see only
    /// attributes given here.
    fn start_span(
        &self,
        name: &'static str,
        kind: SpanKind,
        attribute: KeyValue,
        parent: &Context,
    ) -> Context {
        let span = self
            .tracer
            .span_builder(name)
            .with_kind(kind)
            .with_attributes([KeyValue::new("http.request.method", "GET"), attribute])
            .start_with_context(&self.tracer, parent);
        parent.with_span(span)
    }

    async fn relay(&self, request: &Request) -> Result<Response> {
        let url = request.url()?;
        let to = url.query_pairs().find(|(name, _)| name == "to");
        let ("/relay", Some((_, to))) = (url.path(), to) else {
            return Response::error("try /relay?to=<url>", 404);
        };
        let headers: TraceData = request.headers().entries().collect();
        let parent = continue_trace(&self.propagator, &headers);
        let route = KeyValue::new("http.route", "/relay");
        let server = self.start_span("GET /relay", SpanKind::Server, route, &parent);
        let to = Url::parse(&to)?;
        let full = KeyValue::new("url.full", to.to_string());
        let client = self.start_span("GET", SpanKind::Client, full, &server);

        let headers = trace_data(&self.propagator, &client).into_iter().collect();
        let upstream = match call(to.as_str(), headers).await {
            Ok(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Err(error) => {
                client.span().set_status(Status::error(error.to_string()));
                server.span().set_status(Status::error("no answer"));
                return Response::error(error.to_string(), 502);
            }
        };
        let span = server.span();
        Response::from_json(&json!({
            "trace_id": span.span_context().trace_id().to_string(),
            "parent_span_id": span_id(&parent),
            "span_id": span_id(&server),
            "client_span_id": span_id(&client),
            "sampled": span.span_context().is_sampled(),
            "upstream": upstream,
        }))
    }
}

fn span_id(cx: &Context) -> Option<String> {
    cx.has_active_span().then(|| cx.span().span_context().span_id().to_string())
}

async fn call(url: &str, headers: Headers) -> Result<String> {
    let mut init = RequestInit::new();
    // A redirect would carry the headers to a host that the targets were not asked about.
    init.with_headers(headers).with_redirect(RequestRedirect::Manual);
    send(url, &init).await?.text().await
}

async fn export(spans: ExportRequest) {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(spans.headers().into_iter().collect())
        .with_body(Some(Uint8Array::from(spans.body()).into()));
    match send(spans.url(), &init).await.map(|response| response.status_code()) {
        Ok(200..=299) => {}
        failure => console_error!("Sentry did not take the spans: {failure:?}"),
    }
}

async fn send(url: &str, init: &RequestInit) -> Result<Response> {
    Fetch::Request(Request::new_with_init(url, init)?).send().await
}
