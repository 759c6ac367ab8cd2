//! Propagation targets, `traceparent`, and rejected settings.

use std::ffi::OsStr;

use crate::ids::TRACE_ID;
use crate::service::{refusal, Service, DSN};
use crate::upstream::Upstream;

const INCOMING: [(&str, &str); 2] = [
    ("sentry-trace", "771a43a4192642f0b136d5159a501700-7f7b6d4f9fd94d2a-1"),
    ("baggage", "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sample_rand=0.250000"),
];
const TRACE_HEADERS: [&str; 4] = ["sentry-trace", "baggage", "traceparent", "tracestate"];

#[tokio::test]
async fn no_header_goes_where_no_target_matches() {
    let upstream = Upstream::start().await;
    for targets in ["", "https://api.shop.example,/other"] {
        for tracing in [None, Some(("SENTRY_TRACES_SAMPLE_RATE", "1"))] {
            let mut settings = vec![
                ("SENTRY_DSN", DSN),
                ("SENTRY_TRACE_PROPAGATION_TARGETS", targets),
                ("SENTRY_PROPAGATE_TRACEPARENT", "true"),
            ];
            settings.extend(tracing);
            let service = Service::start(&settings);
            for incoming in [&INCOMING[..], &[]] {
                let relayed = service.relay(&upstream.echo(), incoming).await;
                for name in TRACE_HEADERS {
                    let sent = relayed.upstream.header(name);
                    assert_eq!(sent, None, "{name}, targets {targets:?}, {tracing:?}");
                }
                // The trace continues in this service.
                let continued = relayed.trace_id == TRACE_ID;
                assert_eq!(continued, !incoming.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn the_headers_go_where_one_target_matches() {
    let upstream = Upstream::start().await;
    let matching = upstream.url("/ec");
    let service = Service::start(&[
        ("SENTRY_DSN", DSN),
        ("SENTRY_TRACES_SAMPLE_RATE", "1"),
        ("SENTRY_TRACE_PROPAGATION_TARGETS", &format!("https://api.shop.example,{matching}")),
    ]);
    let relayed = service.relay(&upstream.echo(), &INCOMING).await;
    let sent = relayed.upstream.sentry_trace();
    assert_eq!(sent.trace_id().to_string(), TRACE_ID);
    assert_eq!(sent.span_id().to_string(), relayed.client_span_id);
    assert_eq!(relayed.upstream.header("baggage"), Some(INCOMING[1].1));

    // One service, two answers: permission depends on the call.
    let elsewhere = upstream.url("/gather/1");
    let relayed = service.relay(&elsewhere, &INCOMING).await;
    for name in TRACE_HEADERS {
        assert_eq!(relayed.upstream.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn no_header_goes_to_the_host_of_the_dsn() {
    let upstream = Upstream::start().await;
    let dsn = upstream.url("/1").replace("http://", "http://key@");
    let service = Service::start(&[("SENTRY_DSN", &dsn), ("SENTRY_TRACES_SAMPLE_RATE", "1")]);
    let relayed = service.relay(&upstream.echo(), &INCOMING).await;
    for name in TRACE_HEADERS {
        assert_eq!(relayed.upstream.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn traceparent_is_written_only_on_request() {
    let upstream = Upstream::start().await;
    for (rate, flags) in [(None, "00"), (Some("0"), "00"), (Some("1"), "01")] {
        let rate = rate.map(|rate| ("SENTRY_TRACES_SAMPLE_RATE", rate));
        let mut settings = vec![("SENTRY_DSN", DSN), ("SENTRY_PROPAGATE_TRACEPARENT", "true")];
        settings.extend(rate);
        let relayed = Service::start(&settings).relay(&upstream.echo(), &[]).await;
        let (trace_id, span_id) = (&relayed.trace_id, &relayed.client_span_id);
        assert_eq!(
            relayed.upstream.header("traceparent"),
            Some(&*format!("00-{trace_id}-{span_id}-{flags}"))
        );
        assert_eq!(relayed.upstream.header("tracestate"), None);
    }

    for switch in [None, Some(("SENTRY_PROPAGATE_TRACEPARENT", "false"))] {
        let mut settings = vec![("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", "1")];
        settings.extend(switch);
        let relayed = Service::start(&settings).relay(&upstream.echo(), &[]).await;
        assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(true));
        assert_eq!(relayed.upstream.header("traceparent"), None);
    }
}

#[test]
fn a_bad_setting_ends_the_relay_with_a_sentence() {
    for (name, value, reason) in [
        ("SENTRY_DSN", "http://s3cret@", "invalid DSN: host or port is missing or not valid"),
        ("SENTRY_TRACES_SAMPLE_RATE", "1.1", "invalid sample rate: not a number from 0 to 1"),
        ("SENTRY_TRACES_SAMPLE_RATE", "often", "not a number"),
        ("SENTRY_ORG_ID", "shop", "not 1 to 20 decimal digits"),
        ("SENTRY_STRICT_TRACE_CONTINUATION", "yes", "neither `true` nor `false`"),
        ("SENTRY_PROPAGATE_TRACEPARENT", "1", "neither `true` nor `false`"),
        ("PORT", "65536", "not a port number"),
        ("UPSTREAM_URL", "shop", "not a URL: relative URL without a base"),
    ] {
        assert_refused(name, OsStr::new(value), reason);
    }
}

#[cfg(unix)]
#[test]
fn a_setting_that_is_not_utf_8_is_a_bad_setting() {
    use std::os::unix::ffi::OsStrExt;
    for name in ["SENTRY_RELEASE", "SENTRY_ENVIRONMENT", "UPSTREAM_URL"] {
        assert_refused(name, OsStr::from_bytes(b"shop\xff"), "not valid UTF-8");
    }
}

#[track_caller]
fn assert_refused(name: &str, value: &OsStr, reason: &str) {
    let (status, stderr) = refusal(name, value);
    assert_eq!(stderr, format!("relay: {name}: {reason}\n"));
    assert_eq!(status.code(), Some(1), "{name}={value:?}");
}
