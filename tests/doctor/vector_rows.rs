//! Every header of every row.

use std::collections::HashMap;
use std::fs;

use opentelemetry::Context;
use opentelemetry_sentry::{ContinueDecision, SentryPropagator};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::explain::explain;
use crate::grammar::sentry_trace_fault;
use crate::request::Request;
use crate::text::render;
use crate::vector_text::Text;

const HEADERS: [&str; 4] = ["sentry-trace", "baggage", "traceparent", "tracestate"];

/// The headers of one row, whatever its fields are called.
fn requests(file: &str, row: &Value) -> Vec<(String, String)> {
    let named = match file {
        "baggage.json" => "baggage",
        _ => "sentry-trace",
    };
    let mut found = Vec::new();
    let mut add = |name: &str, value: &Value| {
        if let Ok(text) = serde_json::from_value::<Text>(value.clone()) {
            found.push((name.replace('_', "-"), text.expand()));
        }
    };
    let Value::Object(fields) = row else { return found };
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("lines", Value::Array(lines)) => lines.iter().for_each(|line| add(named, line)),
            ("in", Value::String(_)) => add(named, value),
            ("in" | "headers", Value::Object(headers)) => {
                headers.iter().for_each(|(name, value)| add(name, value));
            }
            ("headers", Value::Array(pairs)) => {
                let pairs = pairs.iter().filter_map(Value::as_array);
                pairs.for_each(|pair| add(pair[0].as_str().unwrap(), &pair[1]));
            }
            ("baggage" | "sentry_trace", _) => add(key, value),
            _ => {}
        }
    }
    found
}

fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let whole: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    match whole {
        Value::Array(rows) => rows,
        Value::Object(mut fields) => match fields.remove("situations") {
            Some(Value::Array(rows)) => rows,
            other => panic!("{file}: {other:?}"),
        },
        other => panic!("{file}: {other}"),
    }
}

fn files() -> Vec<String> {
    let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    assert!(files.len() >= 10, "{files:?}");
    files
}

#[test]
fn every_row_is_explained() {
    let mut explained = 0;
    for file in files() {
        for row in rows(&file) {
            let headers = requests(&file, &row);
            for (org_id, strict, rate) in [(None, false, None), (Some("1"), true, Some(0.5))] {
                let mut request = Request::default();
                headers.iter().for_each(|(name, value)| request.push(name, value));
                let arguments = Arguments {
                    request,
                    org_id: org_id.map(str::to_owned),
                    strict,
                    rate,
                    ..Arguments::default()
                };
                let report = explain(&arguments).unwrap();
                let decision = report.decision.as_ref().expect("no row is a preflight request");
                assert!(!decision.sentence.is_empty(), "{row}");
                let json = serde_json::to_string(&report).unwrap();
                assert!(serde_json::from_str::<Value>(&json).is_ok(), "{row}");
                let text = render(&report);
                let is_ours = |c: char| c == '\n' || c == '\u{1b}' || !c.is_control();
                assert!(text.chars().all(is_ours), "{row}");
                explained += 1;
            }
        }
    }
    assert!(explained > 1000, "{explained}");
}

#[test]
fn the_verdict_is_the_crate_s() {
    let propagator = SentryPropagator::new();
    let mut verdicts = HashMap::from([(true, 0), (false, 0)]);
    for file in files() {
        for row in rows(&file) {
            for (name, value) in requests(&file, &row) {
                if name != HEADERS[0] {
                    continue;
                }
                let carrier = HashMap::from([(name, value.clone())]);
                let decision = propagator.continue_decision(&Context::new(), &carrier);
                let is_valid = decision != ContinueDecision::NoTrace;
                let fault = sentry_trace_fault(&value);
                assert_eq!(fault.is_none(), is_valid, "{value:?}: {fault:?}");
                assert!(fault.is_none_or(|fault| fault.at <= value.len()), "{value:?}");
                *verdicts.entry(is_valid).or_default() += 1;
            }
        }
    }
    assert!(verdicts.values().all(|count| *count > 50), "{verdicts:?}");
}
