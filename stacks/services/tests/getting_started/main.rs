//! The program of `docs/getting_started.md` as a process, with a loopback server in Sentry's place.

mod page;
mod sentry;
mod service;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::Span;
use reqwest::header::HeaderMap;

use sentry::Sentry;
use service::{Next, Service};

const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
const CALLER: &str = "7dd6b3a1fb4d9c2a";
const BAGGAGE: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-public_key=key,\
                       sentry-sample_rate=1,sentry-sample_rand=0.250000,sentry-sampled=true";

/// A request as a page's Sentry SDK sends it.
fn traced(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let request = request.header("sentry-trace", format!("{TRACE_ID}-{CALLER}-1"));
    request.header("baggage", BAGGAGE)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Name, kind and parent of each span, the caller's trace checked.
fn tree(spans: &[Span]) -> Vec<(String, SpanKind, String)> {
    let mut spans: Vec<_> = spans.iter().collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
        .iter()
        .map(|span| {
            assert_eq!(hex(&span.trace_id), TRACE_ID, "{}", span.name);
            let parent = spans.iter().find(|parent| parent.span_id == span.parent_span_id);
            let parent = parent.map_or(hex(&span.parent_span_id), |parent| parent.name.clone());
            (span.name.clone(), span.kind(), parent)
        })
        .collect()
}

#[tokio::test]
async fn credentials_are_in_no_exported_span() {
    let sentry = Sentry::start().await;
    let service = Service::start(&[("SENTRY_DSN", &sentry.dsn())]).await;
    let request = service.get("/api/cart?token=hush1&next=/pay?password=hush2&sig=hush3");
    let request = traced(request)
        .header("authorization", "Bearer hush4")
        .header("cookie", "session=hush5; theme=hush6")
        .header("proxy-authorization", "Basic hush7")
        .header("x-api-key", "hush8")
        .header("referer", "https://shop.example/?code=hush9")
        .header("user-agent", "hush10");
    let answer = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
    assert_eq!(answer, "3 pairs of socks");
    service.stop().await;

    // The spans are there, so that their content means something.
    let exported = sentry.exported();
    assert_eq!(
        tree(&exported.spans),
        [
            ("GET /api/cart".to_owned(), SpanKind::Server, CALLER.to_owned()),
            ("GET".to_owned(), SpanKind::Client, "GET /api/cart".to_owned()),
            ("GET /api/stock".to_owned(), SpanKind::Server, "GET".to_owned()),
        ]
    );
    assert!(!exported.contains("hush"), "{:#?}", exported.spans);
}

#[tokio::test]
async fn a_log_level_does_not_split_the_trace() {
    for level in ["off", "error", "warn", "info", "trace"] {
        let sentry = Sentry::start().await;
        let next = Next::start().await;
        let variables =
            [("SENTRY_DSN", &*sentry.dsn()), ("RUST_LOG", level), ("HTTP_PROXY", &next.url)];
        let service = Service::start(&variables).await;
        traced(service.get("/api/cart")).send().await.unwrap().error_for_status().unwrap();
        service.stop().await;

        let spans = sentry.exported().spans;
        let expected = [
            ("GET /api/cart".to_owned(), SpanKind::Server, CALLER.to_owned()),
            ("GET".to_owned(), SpanKind::Client, "GET /api/cart".to_owned()),
        ];
        assert_eq!(tree(&spans), expected, "RUST_LOG={level}");
        let client = spans.iter().find(|span| span.kind() == SpanKind::Client).unwrap();
        let headers = next.headers();
        let id = hex(&client.span_id);
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let sent = |headers: &HeaderMap| format!("RUST_LOG={level}: {headers:?}");
        let expected = format!("{TRACE_ID}-{id}-1");
        assert_eq!(header("sentry-trace"), Some(&*expected), "{}", sent(&headers));
        assert_eq!(header("baggage"), Some(BAGGAGE), "{}", sent(&headers));
        let expected = format!("00-{TRACE_ID}-{id}-01");
        assert_eq!(header("traceparent"), Some(&*expected), "{}", sent(&headers));
    }
}

/// It serves, forwards the trace, and says once why nothing is exported.
#[tokio::test]
async fn without_a_dsn_the_service_runs() {
    let next = Next::start().await;
    let service = Service::start(&[("HTTP_PROXY", &next.url)]).await;
    for _ in 0..2 {
        let answer = traced(service.get("/api/cart")).send().await.unwrap();
        assert_eq!(answer.error_for_status().unwrap().text().await.unwrap(), Next::ANSWER);
    }
    let log = service.stop().await;
    assert_eq!(log.matches("no DSN").count(), 1, "{log}");
    let headers = next.headers();
    let trace = headers["sentry-trace"].to_str().unwrap();
    assert!(trace.starts_with(TRACE_ID) && trace.ends_with("-1"), "{trace}");
    assert_eq!(headers["baggage"], BAGGAGE);
}

/// What the page says about turning things off, by environment alone.
#[tokio::test]
async fn an_operator_turns_it_off() {
    for (variables, spans, headers) in [
        // Sampling: 0 starts no trace and keeps the caller's; without a rate nothing is recorded.
        (&[("SENTRY_TRACES_SAMPLE_RATE", "0")][..], 2, true),
        (&[("SENTRY_TRACES_SAMPLE_RATE", "")], 0, true),
        // Headers.
        (&[("SENTRY_TRACE_PROPAGATION_TARGETS", "")], 2, false),
        // Export.
        (&[("SENTRY_DSN", "")], 0, true),
    ] {
        let sentry = Sentry::start().await;
        let next = Next::start().await;
        let dsn = sentry.dsn();
        let defaults = [("SENTRY_DSN", &*dsn), ("HTTP_PROXY", &next.url)];
        // The last one of a name counts.
        let service = Service::start(&[&defaults[..], variables].concat()).await;
        traced(service.get("/api/cart")).send().await.unwrap().error_for_status().unwrap();
        service.stop().await;
        assert_eq!(sentry.exported().spans.len(), spans, "{variables:?}");
        let sent = next.headers().contains_key("sentry-trace");
        assert_eq!(sent, headers, "{variables:?}");
    }
}
