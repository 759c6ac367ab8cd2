//! `sentry_trace.json` and `sentry_trace_headers.json`.

use super::text::Text;
use crate::common::rows::{header_map, rows};
use crate::common::{OTHER_SPAN_ID, OTHER_TRACE_ID};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sentry::{SentryPropagator, SentryTrace, SENTRY_TRACE_HEADER};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    r#in: Text,
    out: Option<String>,
    error: Option<String>,
    source: String,
    difference: Option<String>,
}

fn table() -> Vec<Row> {
    let rows: Vec<Row> = rows(include_str!("sentry_trace.json"), 93);
    for row in &rows {
        let name = &row.name;
        assert!(row.out.is_some() != row.error.is_some(), "{name}: needs out or error");
        assert!(!row.source.is_empty(), "{name}: source");
        assert!(row.difference.iter().all(|text| text.starts_with("DIFFERENCE")), "{name}");
    }
    rows
}

#[test]
fn every_row_parses_or_has_the_expected_error() {
    for row in table() {
        let name = &row.name;
        match row.r#in.expand().parse::<SentryTrace>() {
            Err(error) => assert_eq!(Some(error.to_string()), row.error, "{name}"),
            Ok(parsed) => {
                assert_eq!(Some(parsed.to_string()), row.out, "{name}");
                let printed = parsed.to_string();
                let mut parts = printed.split('-');
                assert_eq!(parts.next(), Some(&*parsed.trace_id().to_string()), "{name}");
                assert_eq!(parts.next(), Some(&*parsed.span_id().to_string()), "{name}");
                assert_eq!(parts.next().map(|flag| flag == "1"), parsed.sampled(), "{name}");
                assert_eq!(printed.parse(), Ok(parsed), "{name}: round trip");
            }
        }
    }
}

/// Parser and propagator agree on a single value.
#[test]
fn every_row_is_continued_or_leaves_the_context_untouched() {
    for row in table() {
        let value = row.r#in.expand();
        if value.contains(',') {
            continue;
        }
        let carrier = HashMap::from([(SENTRY_TRACE_HEADER.to_owned(), value)]);
        let cx = SentryPropagator::new().extract_with_context(&Context::new(), &carrier);
        assert_eq!(cx.has_active_span(), row.out.is_some(), "{}", row.name);
        assert_eq!(forwarded(&cx), row.out, "{}", row.name);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderRow {
    name: String,
    lines: Vec<Text>,
    out: Option<String>,
    source: String,
    difference: Option<String>,
}

#[test]
fn repeated_headers_and_lists() {
    let rows: Vec<HeaderRow> = rows(include_str!("sentry_trace_headers.json"), 36);
    for row in rows {
        let name = &row.name;
        assert!(!row.source.is_empty(), "{name}: source");
        assert!(row.difference.iter().all(|text| text.starts_with("DIFFERENCE")), "{name}");
        let lines: Vec<String> = row.lines.iter().map(Text::expand).collect();
        let headers = header_map(lines.iter().map(|line| (SENTRY_TRACE_HEADER, &**line)));
        let cx = SentryPropagator::new()
            .extract_with_context(&Context::new(), &HeaderExtractor(&headers));

        assert_eq!(forwarded(&cx), row.out, "{name}");
        let remote = cx.span().span_context().clone();
        assert_eq!(remote.is_remote(), row.out.is_some(), "{name}");
        if let Some(out) = row.out {
            let ids = format!("{}-{}", remote.trace_id(), remote.span_id());
            assert_eq!(ids, out[..ids.len()], "{name}");
            assert_eq!(remote.is_sampled(), out.ends_with("-1") && out.len() > ids.len(), "{name}");
        }
    }
}

#[test]
fn the_usual_ids_are_valid() {
    let usual: SentryTrace = format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}").parse().unwrap();
    assert_eq!(usual.sampled(), None);
}

/// The headers for a remote span without a local span below it.
fn forwarded(cx: &Context) -> Option<String> {
    let mut sent = HashMap::new();
    SentryPropagator::new().inject_context(cx, &mut sent);
    sent.remove(SENTRY_TRACE_HEADER)
}
