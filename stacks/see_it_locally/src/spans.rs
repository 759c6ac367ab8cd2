//! What arrived at the Sentry on loopback, as spans.

use serde_json::Value;

use crate::endpoint::Received;
use crate::protobuf::Kind;

/// The project in the page's DSN. Spans by OTLP are the service's.
pub(crate) const PAGE: &str = "page";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// `page`, or the name of the service.
    pub(crate) service: String,
    pub(crate) trace_id: String,
    pub(crate) id: String,
    /// Empty if it has none.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// Sentry's name of what it is about: `http.client`.
    pub(crate) op: String,
    pub(crate) failed: bool,
    /// Seconds since 1970.
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// The rate at which the trace was sampled.
    pub(crate) rate: Option<String>,
}

/// The spans of one request to Sentry.
pub(crate) fn of(received: &Received) -> Vec<Span> {
    let mut spans = of_envelope(&received.envelope);
    spans.extend(received.spans.iter().map(of_service));
    spans
}

fn of_service(span: &crate::protobuf::Span) -> Span {
    let text = |key: &str| span.attributes.get(key).cloned();
    let op = match span.kind {
        Kind::Server => "http.server",
        Kind::Client => "http.client",
        Kind::Other => "default",
    };
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    Span {
        service: span.resource.get("service.name").cloned().unwrap_or_default(),
        trace_id: span.trace_id.clone(),
        id: span.span_id.clone(),
        parent: span.parent_span_id.clone(),
        name: match text("url.full") {
            Some(url) if span.kind == Kind::Client => format!("{} {url}", span.name),
            _ => span.name.clone(),
        },
        op: op.to_owned(),
        failed: span.failed,
        start: seconds(span.start_nanos),
        end: seconds(span.end_nanos),
        rate: text("sentry.client_sample_rate"),
    }
}

/// A line of headers, then for each item its headers and its payload. JavaScript SDKs send spans in a
/// stream.
///
/// <https://develop.sentry.dev/sdk/data-model/envelopes/>
fn of_envelope(envelope: &str) -> Vec<Span> {
    let mut lines = envelope.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(headers) = lines.next() else { return Vec::new() };
    let rate = headers["trace"]["sample_rate"].as_str();
    let payloads = lines.filter(|line| line["items"].is_array());
    let items = payloads.flat_map(|line| line["items"].as_array().cloned().unwrap_or_default());
    items.map(|item| of_page(&item, rate)).collect()
}

fn of_page(item: &Value, rate: Option<&str>) -> Span {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let attribute = |key: &str| text(&item["attributes"][key]["value"]);
    let (name, url) = (text(&item["name"]), attribute("url.full"));
    let is_call = attribute("sentry.op") == "http.client";
    Span {
        service: PAGE.to_owned(),
        trace_id: text(&item["trace_id"]),
        id: text(&item["span_id"]),
        parent: text(&item["parent_span_id"]),
        name: match is_call && !url.is_empty() {
            true => format!("{} {url}", attribute("http.request.method")),
            false => name,
        },
        op: attribute("sentry.op"),
        failed: item["status"] == "error",
        start: item["start_timestamp"].as_f64().unwrap_or_default(),
        end: item["end_timestamp"].as_f64().unwrap_or_default(),
        rate: rate.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_of_the_page_is_read() {
        let envelope = r#"{"trace":{"sample_rate":"0.5"},"sdk":{}}
{"type":"span","item_count":1}
{"version":2,"items":[{"name":"GET localhost","span_id":"a55b9cac706666d9","trace_id":"e1e34b8ca6dc4b6581c9257a9bdd44b6","parent_span_id":"bc442e9c129b7f51","start_timestamp":2.5,"end_timestamp":3.5,"status":"ok","attributes":{"sentry.op":{"value":"http.client","type":"string"},"http.request.method":{"value":"GET","type":"string"},"url.full":{"value":"http://localhost:8080/api/cart","type":"string"}}}]}"#;
        let [span] = &of_envelope(envelope)[..] else { panic!("not one span") };
        assert_eq!(span.name, "GET http://localhost:8080/api/cart");
        assert_eq!((span.op.as_str(), span.start, span.end), ("http.client", 2.5, 3.5));
        assert_eq!(span.rate.as_deref(), Some("0.5"));
        assert!(
            of_envelope("").is_empty() && of_envelope("{}\n{\"type\":\"event\"}\n{}").is_empty()
        );
    }
}
