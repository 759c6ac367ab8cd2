//! Traces that start in the relay.

use std::collections::BTreeMap;

use crate::service::{Relayed, Service, DSN};
use crate::upstream::Upstream;

#[track_caller]
fn assert_starts_a_trace(relayed: &Relayed) {
    assert_eq!(relayed.parent_span_id, None);
    let sent = relayed.upstream.sentry_trace();
    assert_eq!(sent.trace_id().to_string(), relayed.trace_id);
    assert_eq!(sent.span_id().to_string(), relayed.client_span_id);
    assert_ne!(relayed.span_id, relayed.client_span_id);
}

#[tokio::test]
async fn the_dsc_of_a_sampled_trace_is_complete_and_encoded() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[
        ("SENTRY_DSN", "http://headkey@o42.ingest.example/1"),
        ("SENTRY_TRACES_SAMPLE_RATE", "1"),
        ("SENTRY_RELEASE", "shop@2.1.0+b 9,é;=%41"),
        ("SENTRY_ENVIRONMENT", "prod,ü"),
    ]);
    let relayed = service.relay(&upstream.echo(), &[]).await;
    assert_starts_a_trace(&relayed);
    assert!(relayed.sampled);
    assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(true));

    let mut dsc = relayed.upstream.baggage();
    assert_sample_rand(dsc.remove("sentry-sample_rand"));
    let expected = BTreeMap::from([
        ("sentry-trace_id", &*relayed.trace_id),
        ("sentry-public_key", "headkey"),
        ("sentry-sample_rate", "1"),
        ("sentry-sampled", "true"),
        ("sentry-release", "shop%402.1.0%2Bb%209%2C%C3%A9%3B%3D%2541"),
        ("sentry-environment", "prod%2C%C3%BC"),
        ("sentry-transaction", "GET%20%2Frelay"),
        ("sentry-org_id", "42"),
    ]);
    assert_eq!(dsc, expected);
}

#[tokio::test]
async fn rate_0_is_a_decision() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", "0")]);
    let relayed = service.relay(&upstream.echo(), &[]).await;
    assert_starts_a_trace(&relayed);
    assert!(!relayed.sampled);
    assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(false));
    let dsc = relayed.upstream.baggage();
    assert_eq!(dsc["sentry-sampled"], "false");
    assert_eq!(dsc["sentry-sample_rate"], "0");
    assert_sample_rand(dsc.get("sentry-sample_rand").copied());
}

#[tokio::test]
async fn without_tracing_the_decision_is_deferred() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_RELEASE", "shop@1")]);
    let relayed = service.relay(&upstream.echo(), &[]).await;
    assert_starts_a_trace(&relayed);
    assert_eq!(relayed.upstream.sentry_trace().sampled(), None);
    let dsc = relayed.upstream.baggage();
    assert_eq!(dsc["sentry-trace_id"], relayed.trace_id);
    assert_eq!(dsc["sentry-release"], "shop%401");
    assert_eq!(dsc["sentry-environment"], "production");
    for undecided in ["sampled", "sample_rate", "transaction"] {
        let key = format!("sentry-{undecided}");
        assert!(!dsc.contains_key(&*key), "{key} was sent");
    }
}

#[tokio::test]
async fn without_a_dsn_no_dsc_is_sent() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_TRACES_SAMPLE_RATE", "1")]);
    let relayed = service.relay(&upstream.echo(), &[]).await;
    assert_starts_a_trace(&relayed);
    assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(true));
    assert_eq!(relayed.upstream.header("baggage"), None);
}

/// `0.` and six digits.
#[track_caller]
fn assert_sample_rand(value: Option<&str>) {
    let value = value.expect("a sample_rand was sent");
    let digits = value.strip_prefix("0.").unwrap_or_default();
    assert_eq!(digits.len(), 6, "{value}");
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{value}");
}
