//! Holds for all outgoing headers and for every error.

use std::collections::HashSet;
use std::error::Error;
use std::sync::OnceLock;

use http::HeaderValue;
use regex_lite::Regex;

use super::reader::{self, MAX_BYTES, MAX_MEMBERS};

/// Every error sentence. None contains input.
const SENTENCES: &str = r#"(?x)^(InvalidDsn\(|ConfigError\(|InvalidSentryTrace\(|InvalidSampleRate\()?"?
    ((dsn|release|environment|org_id|traces_sample_rate|trace_propagation_targets|SENTRY_[A-Z_]+):\ )?
    (
      invalid\ sentry-trace:\ (
        empty
        |(trace|span)\ id\ (
          holds\ a\ character\ that\ is\ not\ a\ hex\ digit
          |has\ [0-9]+\ hex\ digits,\ expected\ (32|16)
          |is\ all\ zeros
        )
        |span\ id\ is\ missing
        |sampled\ flag\ must\ be\ 0\ or\ 1
      )
      |invalid\ DSN:\ (
        longer\ than\ 512\ bytes
        |does\ not\ start\ with\ http://\ or\ https://
        |public\ key\ (is\ missing|holds\ other\ characters\ than\ letters,\ digits,\ `-`\ and\ `_`)
        |host\ or\ port\ is\ missing\ or\ not\ valid
        |path\ holds\ other\ characters\ than\ letters,\ digits\ and\ `-\._~/%`
        |project\ id\ is\ not\ a\ number
        |has\ a\ query\ or\ a\ fragment
      )
      |invalid\ sample\ rate:\ (not\ a\ number\ from\ 0\ to\ 1|neither\ 0\ nor\ at\ least\ 1e-15)
      |not\ a\ number
      |neither\ `true`\ nor\ `false`
      |not\ valid\ UTF-8
      |empty
      |longer\ than\ 1000\ bytes
      |holds\ a\ control\ character
      |not\ 1\ to\ 20\ decimal\ digits
      |target\ [0-9]+\ is\ empty\ and\ would\ match\ every\ URL
    )"?\)?$"#;

#[track_caller]
pub(crate) fn assert_silent(error: &dyn Error) {
    static REGEX: OnceLock<Regex> = OnceLock::new();
    let sentences = REGEX.get_or_init(|| Regex::new(SENTENCES).expect("a pattern"));
    assert!(error.source().is_none(), "{error}");
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(sentences.is_match(&shown), "{shown}");
    }
}

#[track_caller]
pub(crate) fn assert_header_value(name: &str, value: &str) {
    let is_text = HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok());
    assert!(is_text, "{name} is not a header value: {value:?}");
}

/// Asserts that a whole request has valid header values, one trace, no duplicate key, and keeps the
/// limits.
#[track_caller]
pub(crate) fn assert_request<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut names = HashSet::new();
    let (mut trace_id, mut named) = (None, None);
    for (name, value) in headers {
        assert!(names.insert(name.to_ascii_lowercase()), "{name} is duplicated");
        assert_header_value(name, value);
        match name {
            "sentry-trace" => {
                let trace = reader::sentry_trace(value).unwrap_or_else(|| panic!("{value:?}"));
                assert_eq!(trace.header(), value);
                trace_id = Some(trace.trace_id);
            }
            "baggage" => {
                assert_baggage(value);
                named = reader::value(&reader::entries(&[value]), "trace_id").map(reader::decoded);
            }
            "tracestate" if !value.is_empty() => assert_tracestate(value),
            _ => {}
        }
    }
    if let (Some(trace_id), Some(named)) = (trace_id, named.filter(|named| !named.is_empty())) {
        assert_eq!(named.to_ascii_lowercase(), trace_id, "two traces");
    }
}

#[track_caller]
fn assert_baggage(list: &str) {
    let members: Vec<&str> = list.split(',').collect();
    assert!(list.len() <= MAX_BYTES && members.len() <= MAX_MEMBERS, "{} bytes", list.len());
    let sentry = members.iter().filter_map(|member| member.strip_prefix("sentry-"));
    let keys: Vec<&str> = sentry.filter_map(|m| m.split_once('=')).map(|(key, _)| key).collect();
    let different: HashSet<&&str> = keys.iter().collect();
    assert_eq!(different.len(), keys.len(), "a duplicate key in {list:?}");
}

/// The grammar of
/// [W3C Trace Context level 2](https://www.w3.org/TR/trace-context-2/#tracestate-header-field-values).
#[track_caller]
pub(crate) fn assert_tracestate(header: &str) {
    if let Some(fault) = fault(header) {
        panic!("{fault} in {header:?}");
    }
}

/// Why the grammar rejects a list.
pub(crate) fn fault(header: &str) -> Option<String> {
    static REGEX: OnceLock<Regex> = OnceLock::new();
    let member = REGEX.get_or_init(|| {
        let value = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]";
        Regex::new(&format!("^([a-z0-9][a-z0-9_*/@-]{{0,255}})={value}$")).expect("a pattern")
    });
    let mut keys = HashSet::new();
    for text in header.split(',') {
        let Some(found) = member.captures(text) else {
            return Some(format!("{text:?}"));
        };
        if !keys.insert(found[1].to_owned()) {
            return Some(format!("{} twice", &found[1]));
        }
    }
    (keys.len() > 32).then(|| format!("{} members", keys.len()))
}
