//! An axum server behind a tracing layer. Its callback panics, and the next request must still be
//! served.

use std::collections::HashMap;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{from_fn, Next};
use axum::routing::get;
use axum::Router;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{Sentry, SentryBuilder};
use tower::ServiceExt;
use tracing::{info_span, Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::common::{headers, sentry_trace, DSN};

/// The headers that a handler sends, for requests in sequence.
fn serve(builder: SentryBuilder, paths: &[&str]) -> Vec<HashMap<String, String>> {
    let sentry = builder.dsn(DSN).build().unwrap();
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    registry().with(layer).init();

    let propagator = sentry.propagator();
    let traced = move |request: Request, next: Next| {
        let incoming = headers([("sentry-trace", &*sentry_trace("-1"))]);
        let parent = propagator.extract_with_context(&Context::new(), &incoming);
        let span = info_span!("request", otel.name = request.uri().path());
        let _ = span.set_parent(parent);
        next.run(request).instrument(span)
    };
    let propagator = sentry.propagator();
    let handler = move || {
        let call = info_span!("GET", otel.kind = "client", url.full = "https://api.example/");
        let cx = call.in_scope(|| Span::current().context());
        let mut sent = HashMap::new();
        propagator.inject_context(&cx, &mut sent);
        async move { serde_json::to_string(&sent).unwrap() }
    };
    let router = Router::new().fallback(get(handler)).layer(from_fn(traced));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let answers = paths.iter().map(|path| {
        let request = Request::get(*path).body(axum::body::Body::empty()).unwrap();
        let router = router.clone();
        // Each connection has its own task, so a panic ends only that task.
        let answer = runtime.spawn(async move {
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            axum::body::to_bytes(response.into_body(), 10_000).await.unwrap()
        });
        let body = runtime.block_on(answer).expect("an answer");
        serde_json::from_slice(&body).unwrap()
    });
    answers.collect()
}

#[test]
#[ignore = "runs in its own process"]
fn child_a_panic_in_the_sampler() {
    let builder = Sentry::builder().traces_sampler(|ctx| match ctx.name() {
        "/boom" => panic!("no route"),
        _ => 0.0,
    });
    let sent = serve(builder, &["/boom", "/", "/boom", "/"]);
    for (sent, flag) in sent.iter().zip(["-1", "-0", "-1", "-0"]) {
        assert!(sent["sentry-trace"].ends_with(flag), "{sent:?}");
    }
}

#[test]
#[ignore = "runs in its own process"]
fn child_a_panic_in_a_target() {
    use opentelemetry_sentry::Target;

    let panics = Target::matching(|_| panic!("no host"));
    let builder = Sentry::builder().traces_sample_rate(1.0).trace_propagation_targets([panics]);
    let sent = serve(builder, &["/", "/"]);
    assert!(sent.iter().all(HashMap::is_empty), "{sent:?}");
}
