//! The variables of the settings and those that carry a trace. This changes the process's
//! environment, so it needs its own process with one thread.
#![cfg(unix)]

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sentry::{Sentry, TraceData};

use super::choices::{Choices, CHOICES};
use super::{reader, sound};

const NAMES: [&str; 14] = [
    "SENTRY_DSN",
    "SENTRY_RELEASE",
    "SENTRY_ENVIRONMENT",
    "SENTRY_ORG_ID",
    "SENTRY_TRACES_SAMPLE_RATE",
    "SENTRY_STRICT_TRACE_CONTINUATION",
    "SENTRY_PROPAGATE_TRACEPARENT",
    "SENTRY_TRACE_PROPAGATION_TARGETS",
    "SENTRY_TRACE",
    "SENTRY_BAGGAGE",
    "SENTRY_USE_ENVIRONMENT",
    "TRACEPARENT",
    "TRACESTATE",
    "BAGGAGE",
];

/// Values by name, from the `NAME=value` lines of an input.
fn values(input: &[u8]) -> Vec<Option<Vec<u8>>> {
    if let Some((&CHOICES, rest)) = input.split_first() {
        let mut choices = Choices::new(rest);
        return NAMES.iter().map(|name| value(&mut choices, name)).collect();
    }
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let value = |name: &&str| {
        let line =
            lines.iter().find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        // No operating system accepts a zero byte.
        Some(line.iter().copied().filter(|byte| *byte != 0).collect())
    };
    NAMES.iter().map(value).collect()
}

fn value(choices: &mut Choices<'_>, name: &str) -> Option<Vec<u8>> {
    match choices.below(12) {
        0 => return Some(Vec::new()),
        1 => return Some(b"a\xff".to_vec()),
        2..=4 => return None,
        _ => {}
    }
    let text = match name {
        "SENTRY_DSN" => choices.dsn(),
        "SENTRY_TRACE" => choices.sentry_trace(),
        "SENTRY_BAGGAGE" | "BAGGAGE" => choices.baggage(),
        "TRACEPARENT" => choices.traceparent(),
        "TRACESTATE" => choices.tracestate(),
        "SENTRY_ORG_ID" => {
            choices.pick(&["1", "0042", "o1", "123456789012345678901", " 1"]).to_owned()
        }
        "SENTRY_TRACES_SAMPLE_RATE" => choices
            .pick(&[
                "0", "1", "0.25", "1e-3", "1e-16", "-0", "+1", "1.5", "nan", "inf", " 1", "0x1",
                ".",
            ])
            .to_owned(),
        "SENTRY_TRACE_PROPAGATION_TARGETS" => {
            choices.pick(&["a", "a,b", "a, b ", ",", "a,,b", " ", "\u{a0}"]).to_owned()
        }
        "SENTRY_RELEASE" | "SENTRY_ENVIRONMENT" => {
            let long = "r".repeat(995 + choices.below(10));
            choices.pick(&["shop@1", "é", "a\nb", "a\u{85}", &long]).to_owned()
        }
        _ => choices.pick(&["true", "false", "True", "1", "0", "off", "NO", "true "]).to_owned(),
    };
    Some(text.replace('\0', "").into_bytes())
}

pub(crate) fn check(input: &[u8]) {
    let values = values(input);
    for (name, value) in NAMES.iter().zip(&values) {
        match value {
            Some(value) => env::set_var(name, OsString::from_vec(value.clone())),
            None => env::remove_var(name),
        }
    }
    check_trace(&values[8..]);
    let texts: Vec<Option<Result<String, ()>>> =
        values.into_iter().map(|value| Some(String::from_utf8(value?).map_err(drop))).collect();
    check_settings(&texts);
}

fn check_settings(texts: &[Option<Result<String, ()>>]) {
    let faulty: Vec<&str> = NAMES[..8]
        .iter()
        .zip(texts)
        .filter(|(name, text)| text.as_ref().is_some_and(|text| !is_valid(name, text)))
        .map(|(name, _)| *name)
        .collect();
    match Sentry::from_env() {
        Err(error) => {
            sound::assert_silent(&error);
            let sentence = error.to_string();
            let named = sentence.split(':').next().unwrap_or_default();
            assert!(faulty.contains(&named), "{sentence}, expected {faulty:?}");
        }
        Ok(sentry) => {
            assert!(faulty.is_empty(), "{faulty:?}");
            let text = |place: usize| match &texts[place] {
                Some(Ok(text)) if !text.is_empty() => Some(text.as_str()),
                _ => None,
            };
            let key = text(0).and_then(reader::dsn).map(|dsn| dsn.public_key);
            assert_eq!(sentry.dsn().map(|dsn| dsn.public_key().to_owned()), key);
            let fields = sentry.propagator().fields().count();
            assert_eq!(fields, if text(6) == Some("true") { 3 } else { 2 });
            let attributes: Vec<String> =
                sentry.resource_attributes().iter().map(|a| a.value.to_string()).collect();
            let expected = [Some(text(2).unwrap_or("production")), text(1)];
            assert_eq!(attributes, expected.into_iter().flatten().collect::<Vec<_>>());
        }
    }
    // Without `env()` no variable is read.
    Sentry::builder().build().expect("settings");
}

/// Whether a present variable is valid.
fn is_valid(name: &str, text: &Result<String, ()>) -> bool {
    let Ok(text) = text else {
        return false;
    };
    if text.is_empty() {
        return true;
    }
    match name {
        "SENTRY_DSN" => reader::dsn(text).is_some(),
        "SENTRY_RELEASE" | "SENTRY_ENVIRONMENT" => {
            text.len() <= 1000 && !text.chars().any(char::is_control)
        }
        "SENTRY_ORG_ID" => text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()),
        "SENTRY_TRACES_SAMPLE_RATE" => {
            let rate = text.parse::<f64>().unwrap_or(f64::NAN);
            rate == 0.0 || (1e-15..=1.0).contains(&rate)
        }
        "SENTRY_TRACE_PROPAGATION_TARGETS" => {
            text.split(',').all(|target| !target.trim().is_empty())
        }
        _ => text == "true" || text == "false",
    }
}

fn check_trace(values: &[Option<Vec<u8>>]) {
    let value = |place: usize| values[place].as_ref().filter(|value| !value.is_empty());
    let off = ["false", "0", "n", "no", "off", "f"];
    let is_off = value(2).is_some_and(|switch| {
        off.contains(&&*String::from_utf8_lossy(switch).to_ascii_lowercase())
    });
    let data = TraceData::from_env();
    for (name, value) in [
        ("sentry-trace", value(0)),
        ("baggage", value(1).or(value(5))),
        ("traceparent", value(3)),
        ("tracestate", value(4)),
    ] {
        // It is unspecified where a long line that is not ASCII is cut.
        let is_long = |value: &Vec<u8>| !value.is_ascii() && value.len() > reader::MAX_BYTES;
        if !is_off && name == "baggage" && value.is_some_and(is_long) {
            assert!(data.get(name).is_some());
            continue;
        }
        // Values of `tracestate` are not percent-encoded: bytes outside ASCII stay, and the value
        // is rejected.
        let text = |value: &[u8]| match (name, std::str::from_utf8(value)) {
            ("tracestate", Ok(text)) => text.to_owned(),
            ("tracestate", Err(_)) => value.iter().copied().map(char::from).collect(),
            // A member with a non-ASCII key is removed.
            ("baggage", _) => {
                let most = if value.is_ascii() { value.len() } else { reader::MAX_BYTES + 1 };
                let members = value[..value.len().min(most)].split(|byte| *byte == b',');
                let key = |member: &[u8]| member.split(|b| *b == b'=').next().map(<[u8]>::is_ascii);
                let kept = members.filter(|member| key(member) == Some(true));
                kept.map(reader::ascii).collect::<Vec<_>>().join(",")
            }
            _ => reader::ascii(value),
        };
        let value = value.filter(|_| !is_off).map(|value| text(value));
        // A line that is not ASCII is read up to the limit of a list.
        let read = data.get(name).map(str::to_owned);
        let is_cut = read.as_ref().is_some_and(|read| read.len() > reader::MAX_BYTES);
        match (&read, &value) {
            (Some(read), Some(value)) if is_cut => assert!(value.starts_with(&**read), "{name}"),
            _ => assert_eq!(read, value, "{name}"),
        }
    }
    let shown = format!("{data:?}");
    let names: Vec<&str> = data.iter().map(|(name, _)| name).collect();
    assert_eq!(shown, format!("{names:?}"));
}
