//! `captured_heads.json`: headers of real SDKs, through a service that would decide differently.

use super::text::Text;
use crate::common::hop::{dsc, header, hop, Hop};
use crate::common::rows::{header_map, rows};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sentry::{
    Sentry, SentryPropagator, SentryTrace, BAGGAGE_HEADER, SENTRY_TRACE_HEADER,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    sdk: String,
    version: String,
    setting: String,
    headers: Vec<(String, Text)>,
}

/// Release, environment and key differ from every head's. The organization equals that of some
/// heads.
fn service(rate: Option<f64>) -> Sentry {
    let builder = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
        .release("checkout@7")
        .environment("staging");
    let builder = match rate {
        Some(rate) => builder.traces_sample_rate(rate),
        None => builder,
    };
    builder.build().unwrap()
}

#[test]
fn every_recorded_head_is_continued() {
    let rows: Vec<Row> = rows(include_str!("captured_heads.json"), 54);
    let mut deferred = 0;
    for row in rows {
        let name = format!("{} ({} {}, {})", row.name, row.sdk, row.version, row.setting);
        // `header_map` takes the names in the SDK's spelling: `Sentry-Trace`, `sentry-trace`.
        let headers: Vec<_> =
            row.headers.iter().map(|(name, value)| (&**name, value.expand())).collect();
        let incoming = header_map(headers.iter().map(|(name, value)| (*name, &**value)));
        let remote = SentryPropagator::new().extract(&HeaderExtractor(&incoming));
        let trace_state = remote.span().span_context().trace_state().header();
        assert_eq!(trace_state.matches("sentry").count(), 1, "{name}: {trace_state}");
        let head: SentryTrace = header(&incoming, SENTRY_TRACE_HEADER).unwrap().parse().unwrap();
        let through = |rate| {
            let hop = hop(&service(rate), &incoming, "relay", "https://auth.example.com/");
            let sent = hop.sentry_trace().unwrap_or_else(|| panic!("{name}: not sent"));
            assert_eq!(sent.trace_id(), head.trace_id(), "{name}");
            assert_eq!(sent.span_id(), hop.client.span_id(), "{name}");
            (sent.sampled(), hop)
        };

        // Without its own rate the service only forwards: flag and bytes are unchanged.
        let (flag, hop) = through(None);
        assert_eq!((flag, hop.recorded.len()), (head.sampled(), 0), "{name}: no rate");
        forwarded(&name, &hop, header(&incoming, BAGGAGE_HEADER));

        match head.sampled() {
            Some(sampled) => {
                let (flag, hop) = through(Some(if sampled { 0.0 } else { 1.0 }));
                assert_eq!(flag, Some(sampled), "{name}: one decision");
                assert_eq!(hop.recorded.len(), if sampled { 2 } else { 0 }, "{name}");
                if let [client, server] = &*hop.recorded {
                    assert_eq!(server.parent_span_id, head.span_id(), "{name}");
                    assert_eq!(client.parent_span_id, server.span_context.span_id(), "{name}");
                }
                let baggage = header(&incoming, BAGGAGE_HEADER);
                assert_eq!(header(&hop.sent, BAGGAGE_HEADER), baggage, "{name}: byte for byte");
            }
            None => {
                deferred += 1;
                for (rate, sampled) in [(0.0, "false"), (1.0, "true")] {
                    let (flag, hop) = through(Some(rate));
                    assert_eq!(flag, Some(rate == 1.0), "{name}: our decision");
                    let added = forwarded(&name, &hop, header(&incoming, BAGGAGE_HEADER));
                    let decided = [("sample_rate", &*rate.to_string()), ("sampled", sampled)]
                        .map(|(key, value)| format!("sentry-{key}={value}"));
                    let has_dsc = header(&incoming, BAGGAGE_HEADER).is_some();
                    for member in decided {
                        assert_eq!(added.contains(&member), has_dsc, "{name}: {added:?}");
                    }
                    assert_eq!(added.len(), if has_dsc { 2 } else { 0 }, "{name}: {added:?}");
                }
            }
        }
    }
    assert!(deferred >= 14, "{deferred} deferred heads");
}

/// The head's members come first, byte for byte. The members after them were added here, except
/// `sample_rand`.
fn forwarded(name: &str, hop: &Hop, head: Option<&str>) -> Vec<String> {
    let sent = header(&hop.sent, BAGGAGE_HEADER).unwrap_or_default();
    let rest = sent
        .strip_prefix(head.unwrap_or_default())
        .unwrap_or_else(|| panic!("{name}: {sent}, expected {head:?}"));
    let rands = dsc(&hop.sent).iter().filter(|(key, _)| *key == "sample_rand").count();
    assert_eq!(rands, usize::from(head.is_some()), "{name}: {sent}");
    rest.split(',')
        .filter(|member| !member.is_empty() && !member.starts_with("sentry-sample_rand="))
        .map(str::to_owned)
        .collect()
}
