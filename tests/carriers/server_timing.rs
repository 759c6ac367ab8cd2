//! From a server to the browser in a response header.

use http::HeaderValue;
use opentelemetry_sentry::{continue_trace, SentryPropagator, TraceData};

use crate::common::{sentry_trace, span_context, TRACE_ID};

/// What a browser's `PerformanceServerTiming` shows: names and descriptions, unquoted.
fn parse(header: &str) -> TraceData {
    let mut metrics: Vec<(String, String)> = Vec::new();
    let mut rest = header;
    while let Some((name, tail)) = rest.split_once(";desc=\"") {
        let mut description = String::new();
        let mut characters = tail.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => description.extend(characters.next()),
                other => description.push(other),
            }
        }
        metrics.push((name.trim_start_matches(", ").to_owned(), description));
        rest = characters.as_str();
    }
    assert_eq!(rest, "", "{header}");
    metrics.into_iter().collect()
}

#[test]
fn a_browser_continues_the_trace() {
    let baggage = r"sentry-release=shop%401.2.3,sentry-x=a;b=c";
    let trace = sentry_trace("-1");
    let data = TraceData::from([("sentry-trace", trace.as_str()), ("baggage", baggage)]);
    let header = data.to_server_timing().unwrap();
    assert_eq!(header, format!(r#"sentry-trace;desc="{trace}", baggage;desc="{baggage}""#));
    let cx = continue_trace(&SentryPropagator::new(), &parse(&header));
    assert_eq!(span_context(&cx).trace_id().to_string(), TRACE_ID);
}

#[test]
fn it_is_always_a_valid_header() {
    for text in ["", "\"", "\\", "\\\"", "a\tb", "a, b;desc=\"c\"", "plain"] {
        let data = TraceData::from([("sentry-trace", "1-2"), ("baggage", text)]);
        let header = data.to_server_timing().unwrap();
        assert!(HeaderValue::from_str(&header).is_ok(), "{header}");
        assert_eq!(parse(&header), data, "{header}");
    }
    // A value that the header cannot express is left out. The rest stays.
    for bad in ["a\r\nset-cookie: b", "\0", "\u{7f}", "ü"] {
        let data = TraceData::from([("sentry-trace", "1-2"), ("baggage", bad)]);
        assert_eq!(data.to_server_timing().unwrap(), r#"sentry-trace;desc="1-2""#);
        assert_eq!(TraceData::from([(bad, "1")]).to_server_timing(), None);
    }
    assert_eq!(TraceData::default().to_server_timing(), None);
}
