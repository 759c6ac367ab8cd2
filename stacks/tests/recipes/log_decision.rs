//! The middleware that logs why a trace is continued.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ::actix_web::web;
use ::axum::body::Body;
use ::axum::http::Request;
use ::axum::routing::get;
use ::axum::Router;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::Sentry;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;
use tracing::Level;

use crate::{actix_web, axum};

const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";

/// Headers, and the sentence that is logged for them.
const ROWS: [(&[(&str, &str)], &str); 5] = [
    (&[], "no Sentry trace: there is no valid sentry-trace header"),
    (
        &[("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1")],
        "new trace: the caller's",
    ),
    (
        &[
            ("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"),
            ("baggage", "sentry-org_id=7"),
        ],
        "continued: the caller is of the same",
    ),
    (
        &[
            ("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"),
            ("baggage", "sentry-org_id=8"),
        ],
        "new trace: the caller is of another",
    ),
    // Only the wrapped propagator sees this one.
    (
        &[("traceparent", "00-771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-01")],
        "no Sentry trace: no DSC names the trace",
    ),
];

/// What is logged at a level while it lives, on this thread.
struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn at(level: Level) -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        Log { lines, _guard: tracing::subscriber::set_default(subscriber.finish()) }
    }

    fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }
}

fn propagator() -> axum::Propagator {
    let sentry = Sentry::builder().org_id("7").strict_trace_continuation(true).build().unwrap();
    sentry.propagator().wrap(TraceContextPropagator::new())
}

/// One line for a request, at the level `DEBUG`, and nothing of the request in it.
fn check(log: &str, sentence: &str) {
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("DEBUG"), "{log}");
    assert!(log.contains(&format!("decision={sentence}")), "{log}, not {sentence}");
    assert!(!log.contains(TRACE_ID), "{log}");
}

#[tokio::test]
async fn axum_logs_the_decision() {
    let layer = ::axum::middleware::from_fn_with_state(propagator(), axum::log_decision);
    let router: Router = Router::new().route("/", get(|| async { "served" })).layer(layer);
    for (headers, sentence) in ROWS {
        let log = Log::at(Level::DEBUG);
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert!(response.status().is_success());
        check(&log.text(), sentence);
    }
    let log = Log::at(Level::INFO);
    router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(log.text(), "");
}

#[::actix_web::test]
async fn actix_web_logs_the_decision() {
    let app = ::actix_web::App::new()
        .wrap(::actix_web::middleware::from_fn(actix_web::log_decision))
        .app_data(web::Data::new(propagator()))
        .route("/", web::get().to(|| async { "served" }));
    let app = ::actix_web::test::init_service(app).await;
    for (headers, sentence) in ROWS {
        let log = Log::at(Level::DEBUG);
        let mut request = ::actix_web::test::TestRequest::get().uri("/");
        for header in headers {
            request = request.insert_header(*header);
        }
        let response = ::actix_web::test::call_service(&app, request.to_request()).await;
        assert!(response.status().is_success());
        check(&log.text(), sentence);
    }
}
