//! The relay as an HTTP service: readiness, CORS, and invalid requests.

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::service::Service;
use crate::upstream::Upstream;

#[track_caller]
fn assert_any_origin(response: &Response) {
    let origin = response.headers().get("access-control-allow-origin");
    assert_eq!(origin.map(|value| value.as_bytes()), Some(&b"*"[..]));
}

async fn error(response: Response) -> String {
    let body: Value = response.json().await.expect("an error is JSON");
    body["error"].as_str().expect("it holds a sentence").to_owned()
}

#[tokio::test]
async fn healthz_answers_once_the_relay_listens() {
    let service = Service::start(&[]);
    let response = service.send(Method::GET, service.url("/healthz"), &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_first_page_says_how_it_is_used_in_a_call_that_works() {
    let service = Service::start(&[]);
    let response = service.send(Method::GET, service.url("/"), &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.text().await.expect("the page is text");
    let call = text.lines().last().and_then(|line| line.strip_prefix("curl -H '"));
    let (header, url) = call.and_then(|call| call.split_once("' '")).expect("a call ends the page");
    let (name, value) = header.split_once(": ").expect("it has a header");
    let url = url.trim_end_matches('\'').parse().expect("it has a URL");
    let answer = service.send(Method::GET, url, &[(name, value)]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.expect("the relay answers JSON");
    assert_eq!(answer["trace_id"], "771a43a4192642f0b136d5159a501700");
    assert_eq!(answer["upstream"], "ok");
    for setting in ["PORT", "UPSTREAM_URL", "COMPOSE", "/healthz", "SENTRY_TRACES_SAMPLE_RATE"] {
        assert!(text.contains(setting), "{setting}: {text}");
    }
}

#[tokio::test]
async fn a_preflight_allows_the_trace_headers_from_any_origin() {
    let service = Service::start(&[]);
    let headers = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "baggage,sentry-trace"),
    ];
    let response = service.send(Method::OPTIONS, service.url("/relay"), &headers).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_any_origin(&response);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-methods"], "GET, OPTIONS");
    assert_eq!(headers["access-control-allow-headers"], "sentry-trace, baggage, traceparent");
}

#[tokio::test]
async fn the_answer_to_a_cross_origin_request_may_be_read() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[]);
    let headers = [("origin", "https://shop.example")];
    let response = service.get(&upstream.echo(), &headers).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_any_origin(&response);
}

#[tokio::test]
async fn without_to_the_default_upstream_is_called_and_text_stays_text() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("UPSTREAM_URL", &upstream.url("/text"))]);
    let response = service.send(Method::GET, service.url("/relay"), &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.expect("the relay answers JSON");
    assert_eq!(body["upstream"], "not JSON: {");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[]);
    let response = service.get(&upstream.url("/moved"), &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.expect("the relay answers JSON");
    assert_eq!(body["upstream"], "");
}

#[tokio::test]
async fn an_address_that_cannot_be_called_is_a_bad_request() {
    let service = Service::start(&[]);
    for (query, sentence) in [
        ("", "there is neither a `to` nor an UPSTREAM_URL"),
        ("?to=shop", "`to`: not a URL: relative URL without a base"),
        ("?to=ftp://shop/", "`to`: neither http nor https: ftp"),
    ] {
        let response = service.send(Method::GET, service.url(&format!("/relay{query}")), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_any_origin(&response);
        assert_eq!(error(response).await, sentence);
    }
    let twice = service.url("/relay?to=http://a/&to=http://b/");
    let response = service.send(Method::GET, twice, &[]).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_any_origin(&response);
    assert!(error(response).await.contains("duplicate field `to`"));
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_bad_gateway() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    drop(listener);
    let service = Service::start(&[]);
    let response = service.get(&format!("http://{address}/"), &[]).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_any_origin(&response);
    let error = error(response).await;
    assert!(error.starts_with("the upstream did not answer: "), "{error}");
}
