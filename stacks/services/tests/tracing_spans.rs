//! Spans of `tracing`, as `docs/tracing.md` sets them up, below a server span of OTel's own and above
//! a `ClientLayer`: one trace, whatever the filter of the log lines is.

use std::convert::Infallible;

use http::{Request, Response};
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use opentelemetry_sentry::{ClientLayer, Sentry};
use tower::{service_fn, Layer as _, ServiceExt};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::Layer;

#[tokio::test]
async fn a_log_filter_removes_no_span() {
    for level in ["off", "warn", "info"] {
        let sentry = Sentry::builder().traces_sample_rate(1.0).build().unwrap();
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(spans.clone())
            .build();
        let tracer = provider.tracer("shop");
        let logs = tracing_subscriber::fmt::layer().with_filter(EnvFilter::new(level));
        let otel = tracing_opentelemetry::layer().with_tracer(tracer.clone());
        let otel = otel.with_filter(LevelFilter::INFO);
        let subscriber = tracing_subscriber::registry().with(logs).with(otel);

        let call = ClientLayer::new(tracer.clone(), sentry.propagator()).layer(service_fn(
            |request: Request<()>| async move {
                Ok::<_, Infallible>(Response::new(request.headers().clone()))
            },
        ));
        let cx = Context::new().with_span(tracer.start("GET /api/cart"));
        let headers = handler(call).with_context(cx.clone()).with_subscriber(subscriber).await;
        cx.span().end();

        let spans = spans.get_finished_spans().unwrap();
        let find = |name: &str| spans.iter().find(|span| span.name == name).expect("a span");
        let (server, handler, client) = (find("GET /api/cart"), find("handler"), find("GET"));
        assert_eq!(handler.parent_span_id, server.span_context.span_id(), "{level}");
        assert_eq!(client.parent_span_id, handler.span_context.span_id(), "{level}");
        assert_eq!(client.span_kind, SpanKind::Client);
        let sent = headers["sentry-trace"].to_str().unwrap();
        let (trace, span) = (client.span_context.trace_id(), client.span_context.span_id());
        assert_eq!(sent, format!("{trace}-{span}-1"), "{level}");
        assert_eq!(trace, server.span_context.trace_id(), "{level}");
    }
}

#[tracing::instrument(skip_all)]
async fn handler<S>(call: S) -> http::HeaderMap
where
    S: tower::Service<Request<()>, Response = Response<http::HeaderMap>, Error = Infallible>,
{
    let request = Request::get("https://stock.example/").body(()).unwrap();
    call.oneshot(request).await.unwrap().into_body()
}
