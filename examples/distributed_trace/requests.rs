//! The requests: recorded headers of real Sentry SDKs, and one request without headers.

use std::error::Error;

use opentelemetry_sentry::{SentryTrace, BAGGAGE_HEADER, SENTRY_TRACE_HEADER};
use serde::Deserialize;

const RECORDED: &str = include_str!("../../tests/vectors/captured_heads.json");

/// One recorded row per SDK.
const SAMPLED: [&str; 7] = [
    "node-on-1",
    "browser-on-1",
    "vue-on-1",
    "cloudflare-on-1",
    "python-on-1",
    "ruby-on-1",
    "rust-on-1",
];
const NOT_SAMPLED: &str = "node-off-1";
/// Python sends no `sample_rand` here, Ruby does.
const DEFERRED: [&str; 2] = ["python-twp-1", "ruby-twp-1"];
const OTHER_ORGANIZATION: &str = "node-org1-1";

/// The expected trace of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The caller's trace and the caller's decision.
    Continued { sampled: bool },
    /// The caller's trace. The storefront decides.
    Decided,
    /// A new trace.
    New,
}

pub(crate) struct Request {
    /// The name of the caller.
    pub(crate) caller: String,
    /// The SDK of the caller and its settings.
    pub(crate) about: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) incoming: Option<SentryTrace>,
    pub(crate) expected: Expected,
}

impl Request {
    /// The Sentry members of the incoming `baggage`, unchanged.
    pub(crate) fn dynamic_sampling_context(&self) -> Vec<&str> {
        sentry_members(header(&self.headers, BAGGAGE_HEADER).unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Row {
    name: String,
    sdk: String,
    version: String,
    setting: String,
    headers: Vec<(String, Text)>,
}

/// The value of a header. The file has long values in parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Parts(Vec<String>),
}

impl Row {
    fn headers(&self) -> Vec<(String, String)> {
        let value = |text: &Text| match text {
            Text::Whole(value) => value.clone(),
            Text::Parts(parts) => parts.concat(),
        };
        self.headers.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }
}

pub(crate) fn all() -> Result<Vec<Request>, Box<dyn Error>> {
    let rows: Vec<Row> = serde_json::from_str(RECORDED)?;
    let mut requests = Vec::new();
    for name in SAMPLED {
        requests.push(recorded(&rows, name, Expected::Continued { sampled: true })?);
    }
    requests.push(Request {
        caller: "visitor".to_owned(),
        about: "no trace headers".to_owned(),
        headers: Vec::new(),
        incoming: None,
        expected: Expected::New,
    });
    let not_sampled = Expected::Continued { sampled: false };
    requests.push(recorded(&rows, NOT_SAMPLED, not_sampled)?);
    for name in DEFERRED {
        requests.push(recorded(&rows, name, Expected::Decided)?);
    }
    requests.push(recorded(&rows, OTHER_ORGANIZATION, Expected::New)?);
    Ok(requests)
}

fn recorded(rows: &[Row], name: &str, expected: Expected) -> Result<Request, Box<dyn Error>> {
    let row = rows
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| format!("captured_heads.json has no row {name}"))?;
    let headers = row.headers();
    let sentry_trace = header(&headers, SENTRY_TRACE_HEADER)
        .ok_or_else(|| format!("row {name} has no {SENTRY_TRACE_HEADER}"))?;
    let incoming = Some(sentry_trace.parse()?);
    Ok(Request {
        caller: name.split('-').next().unwrap_or(name).to_owned(),
        about: format!("{} {}, {}", row.sdk, row.version, row.setting),
        headers,
        incoming,
        expected,
    })
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The Sentry members of a `baggage` header, unchanged and in order.
pub(crate) fn sentry_members(baggage: &str) -> Vec<&str> {
    baggage.split(',').filter(|member| member.trim_start().starts_with("sentry-")).collect()
}
