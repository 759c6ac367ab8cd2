//! How proxies change the headers of a request that they forward.

use axum::http::{HeaderMap, HeaderValue};

use crate::stations::line;

/// The span of a proxy that traces, as Envoy does.
const SPAN_ID: &str = "e5e5e5e5e5e5e5e5";

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
}

/// Replaces the span in `traceparent`; trace id and flag stay.
pub(crate) fn own_span(headers: &mut HeaderMap) {
    let traceparent = line(headers, "traceparent").expect("traceparent");
    let (before, after) = (&traceparent[..36], &traceparent[52..]);
    set(headers, "traceparent", &format!("{before}{SPAN_ID}{after}"));
}

/// The same, and adds its own member in front of `tracestate`.
pub(crate) fn own_tracestate(headers: &mut HeaderMap) {
    own_span(headers);
    let others = line(headers, "tracestate").unwrap_or_default();
    let tracestate = format!("mesh=1,{others}");
    set(headers, "tracestate", tracestate.trim_end_matches(','));
}

/// Forwards only the headers it knows, and not `sentry-trace`.
pub(crate) fn drops_sentry_trace(headers: &mut HeaderMap) {
    headers.remove("sentry-trace");
}

/// Sends each Sentry header twice, like a client that is instrumented twice.
pub(crate) fn doubles(headers: &mut HeaderMap) {
    for name in ["sentry-trace", "baggage"] {
        let values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
        for value in values {
            headers.append(name, value);
        }
    }
}

/// Joins repeated headers into one line.
pub(crate) fn joins_with_commas(headers: &mut HeaderMap) {
    let names: Vec<_> = headers.keys().cloned().collect();
    for name in names {
        let values: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        let joined = HeaderValue::from_bytes(&values.join(&b","[..])).expect("a header value");
        headers.insert(name, joined);
    }
}
