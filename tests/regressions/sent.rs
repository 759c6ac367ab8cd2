//! The outgoing headers, and how they are compared with a row.

use std::collections::{HashMap, HashSet};

use http::HeaderValue;
use opentelemetry::trace::SpanContext;
use opentelemetry_sentry::SentryTrace;

use super::row::{Holds, Out, TraceRow};

pub(super) struct Sent {
    pub(super) headers: HashMap<String, String>,
    /// The span from which the headers were injected.
    pub(super) span: SpanContext,
}

impl Sent {
    /// Every difference from the row, and every invalid header.
    pub(super) fn faults(&self, row: &TraceRow) -> Vec<String> {
        assert!(!row.out.is_empty() || !row.nowhere.is_empty(), "{}: expects nothing", row.name);
        let mut faults = self.unsound();
        let span_id = self.span.span_id().to_string();
        let spell = |text: &str| row.spell(text).replace("{span}", &span_id);
        for (name, out) in &row.out {
            let found = self.headers.get(name).map(String::as_str);
            let fault = match (out, found) {
                (Out::Absent(()), None) => None,
                (Out::Absent(()), Some(value)) => Some(format!("is there: {value:?}")),
                (_, None) => Some("is missing".to_owned()),
                (Out::Exactly(expected), Some(value)) => {
                    let expected = spell(&expected.expand());
                    (value != expected).then(|| format!("{value:?}, expected {expected:?}"))
                }
                (Out::Holds(holds), Some(value)) => holds.fault(value, &spell),
            };
            faults.extend(fault.map(|fault| format!("{name} {fault}")));
        }
        let state = self.span.trace_state().header();
        let places = self.headers.values().chain([&state]);
        for text in &row.nowhere {
            let found = places.clone().filter(|place| place.contains(text));
            faults.extend(found.map(|place| format!("{text} in {place:?}")));
        }
        faults
    }

    /// Faults in any row: invalid bytes, two traces, a duplicate key, an exceeded limit.
    fn unsound(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value) in &self.headers {
            if !HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok()) {
                faults.push(format!("{name} is not a header value: {value:?}"));
            }
        }
        let baggage = self.headers.get("baggage").map_or("", String::as_str);
        if baggage.len() > 8192 || baggage.split(',').count() > 64 {
            faults.push(format!("{} bytes of baggage: {baggage}", baggage.len()));
        }
        let mut keys = HashSet::new();
        for (key, value) in baggage.split(',').filter_map(|member| member.split_once('=')) {
            if !keys.insert(key) {
                faults.push(format!("{key} is twice in {baggage:?}"));
            }
            let trace_id = self.span.trace_id().to_string();
            if key == "sentry-trace_id" && !value.contains('%') && value != trace_id {
                faults.push(format!("two traces, {trace_id} and {value}"));
            }
        }
        if let Some(value) = self.headers.get("sentry-trace") {
            let trace: SentryTrace = value.parse().expect(value);
            if trace.trace_id() != self.span.trace_id() || trace.span_id() != self.span.span_id() {
                faults.push(format!("another span's sentry-trace: {value}"));
            }
        }
        faults
    }
}

impl Holds {
    fn fault(&self, value: &str, spell: &dyn Fn(&str) -> String) -> Option<String> {
        let holds = |text: &&String| value.contains(&spell(text));
        if let Some(text) = self.contains.iter().find(|text| !holds(text)) {
            return Some(format!("lacks {text}: {value:?}"));
        }
        if let Some(text) = self.not_contains.iter().find(holds) {
            return Some(format!("holds {text}: {value:?}"));
        }
        let members = value.split(',').count();
        if self.members.is_some_and(|expected| members != expected) {
            return Some(format!("has {members} members: {value:?}"));
        }
        let is_long = self.max_bytes.is_some_and(|max| value.len() > max);
        is_long.then(|| format!("has {} bytes: {value:?}", value.len()))
    }
}
