//! `baggage.json`: extract, then inject the remote context, like a service without a tracer.

use super::text::Text;
use crate::common::rows::{header_map, rows};
use crate::common::{OTHER_SPAN_ID, OTHER_TRACE_ID};
use http::HeaderValue;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::Context;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sentry::{
    DynamicSamplingContext, Sentry, SentryPropagator, BAGGAGE_HEADER, SENTRY_TRACE_HEADER,
};
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    own: Vec<Vec<Text>>,
    #[serde(default)]
    own_count: usize,
    #[serde(default = "sampled")]
    sentry_trace: Option<String>,
    lines: Vec<Text>,
    #[serde(default)]
    refused: bool,
    #[serde(default, deserialize_with = "stated")]
    out: Option<Option<Text>>,
    #[serde(default = "anywhere")]
    rand: [f64; 2],
    #[serde(default)]
    kept: Vec<String>,
    #[serde(default)]
    gone: Vec<String>,
    members: Option<usize>,
    source: String,
    difference: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dsn: Option<String>,
}

fn sampled() -> Option<String> {
    Some(format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-1"))
}

fn anywhere() -> [f64; 2] {
    [0.0, 1.0]
}

/// `null` has a meaning too: no header is sent.
fn stated<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Text>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[test]
fn every_row_sends_as_specified() {
    let rows: Vec<Row> = rows(include_str!("baggage.json"), 168);
    for row in rows {
        let name = &row.name;
        assert!(!row.source.is_empty(), "{name}: source");
        assert!(row.difference.iter().all(|text| text.starts_with("DIFFERENCE")), "{name}");

        let propagator = row.propagator();
        let sent = inject(&propagator, &row.context(&propagator));
        let trace = row.sentry_trace.as_ref().filter(|_| !row.refused);
        assert_eq!(sent.get(SENTRY_TRACE_HEADER), trace, "{name}");
        let baggage = sent.get(BAGGAGE_HEADER).map(String::as_str);
        if let Some(value) = baggage {
            assert!(http_can_carry(value), "{name}: {value:?}");
            assert!(value.len() <= 8192, "{name}: {} bytes", value.len());
            assert!(value.split(',').count() <= 64, "{name}: {value}");
        }
        row.check(baggage);

        // The next service, without its own baggage, reads and forwards all of it.
        if row.own.is_empty() && row.own_count == 0 {
            let next = SentryPropagator::new();
            assert_eq!(inject(&next, &next.extract(&sent)), sent, "{name}: second hop");
            let parsed = DynamicSamplingContext::parse(baggage.unwrap_or_default());
            assert_eq!(parsed.to_string(), baggage.unwrap_or_default(), "{name}: by hand");
        }
    }
}

impl Row {
    fn propagator(&self) -> SentryPropagator {
        match &self.settings.dsn {
            None => SentryPropagator::new(),
            Some(dsn) => Sentry::builder().dsn(dsn.as_str()).build().unwrap().propagator(),
        }
    }

    /// The context after extract: from a `HeaderMap` if HTTP can carry the lines, else from a string map.
    fn context(&self, propagator: &SentryPropagator) -> Context {
        let mut own = Baggage::new();
        for member in &self.own {
            let texts: Vec<String> = member.iter().map(Text::expand).collect();
            match &*texts {
                [key, value] => own.insert(key.clone(), value.clone()),
                [key, value, metadata] => own
                    .insert_with_metadata(key.clone(), value.clone(), &**metadata)
                    .map(|(value, _)| value),
                _ => panic!("{}: own is key, value and perhaps metadata", self.name),
            };
        }
        for number in 1..=self.own_count {
            own.insert(format!("k{number}"), "v");
        }
        assert_eq!(own.len(), self.own.len() + self.own_count, "{}: own", self.name);
        let cx = Context::new().with_baggage(own);

        let lines: Vec<String> = self.lines.iter().map(Text::expand).collect();
        let trace = self.sentry_trace.iter().map(|value| (SENTRY_TRACE_HEADER, &**value));
        let baggage = lines.iter().map(|line| (BAGGAGE_HEADER, &**line));
        if lines.iter().all(|line| http_can_carry(line)) {
            let headers = header_map(trace.chain(baggage));
            propagator.extract_with_context(&cx, &HeaderExtractor(&headers))
        } else {
            assert_eq!(lines.len(), 1, "{}: a string map holds one line", self.name);
            let carrier: HashMap<String, String> = trace
                .chain(baggage)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            propagator.extract_with_context(&cx, &carrier)
        }
    }

    fn check(&self, baggage: Option<&str>) {
        let name = &self.name;
        match &self.out {
            Some(Some(expected)) => {
                let baggage = baggage.unwrap_or_else(|| panic!("{name}: no baggage"));
                self.check_bytes(&expected.expand(), baggage);
            }
            Some(None) => assert_eq!(baggage, None, "{name}"),
            None => assert!(!self.kept.is_empty(), "{name}: expects nothing"),
        }
        let members: Vec<&str> = baggage.into_iter().flat_map(|list| list.split(',')).collect();
        for kept in &self.kept {
            assert!(members.contains(&&**kept), "{name}: {kept} in {members:?}");
        }
        for gone in &self.gone {
            let is_gone = |member: &&str| member.split('=').next() != Some(gone);
            assert!(members.iter().all(is_gone), "{name}: {gone} in {members:?}");
        }
        if let Some(count) = self.members {
            assert_eq!(members.len(), count, "{name}: {members:?}");
        }
    }

    /// Byte for byte. `{rand}` matches a `sample_rand` in `rand`: a zero, a point and six digits.
    fn check_bytes(&self, expected: &str, baggage: &str) {
        let name = &self.name;
        let Some((before, after)) = expected.split_once("{rand}") else {
            assert_eq!(baggage, expected, "{name}");
            return;
        };
        let rand = baggage
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .unwrap_or_else(|| panic!("{name}: {baggage:?}, expected {expected:?}"));
        let digits = rand.strip_prefix("0.").unwrap_or_default();
        let is_digit = |byte: u8| byte.is_ascii_digit();
        assert!(digits.len() == 6 && digits.bytes().all(is_digit), "{name}: {rand}");
        let value: f64 = rand.parse().unwrap();
        let [from, below] = self.rand;
        assert!((from..below).contains(&value), "{name}: {rand} in {from}..{below}");
    }
}

fn inject(propagator: &SentryPropagator, cx: &Context) -> HashMap<String, String> {
    let mut sent = HashMap::new();
    propagator.inject_context(cx, &mut sent);
    sent
}

fn http_can_carry(value: &str) -> bool {
    HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok())
}
