//! `sampling.json`: one service with one setting, below one kind of parent.

use crate::common::hop::{dsc, hop, Hop};
use crate::common::rows::{header_map, rows};
use crate::common::{OTHER_SPAN_ID, OTHER_TRACE_ID};
use opentelemetry_sentry::{Sentry, BAGGAGE_HEADER, SENTRY_TRACE_HEADER};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    parent: Parent,
    baggage: Option<String>,
    setting: Setting,
    #[serde(default = "checkout")]
    span: String,
    recorded: Option<bool>,
    flag: Option<Flag>,
    attribute: Option<f64>,
    #[serde(default)]
    contradicts: bool,
    dsc: Option<BTreeMap<String, Option<String>>>,
    source: String,
    difference: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Parent {
    None,
    Deferred,
    #[serde(rename = "0")]
    NotSampled,
    #[serde(rename = "1")]
    Sampled,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
enum Flag {
    #[serde(rename = "deferred")]
    Deferred,
    #[serde(rename = "0")]
    NotSampled,
    #[serde(rename = "1")]
    Sampled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    traces_sample_rate: Option<f64>,
    traces_sampler: Option<f64>,
    inherit_or_sample_with: Option<f64>,
}

fn checkout() -> String {
    "checkout".to_owned()
}

#[test]
fn every_row_decides_as_specified() {
    let rows: Vec<Row> = rows(include_str!("sampling.json"), 79);
    for row in rows {
        let name = &row.name;
        assert!(!row.source.is_empty(), "{name}: source");
        assert!(row.difference.iter().all(|text| text.starts_with("DIFFERENCE")), "{name}");

        let headers = row.headers();
        let incoming = header_map(headers.iter().map(|(name, value)| (*name, &**value)));
        let hop = hop(&row.setting.sentry(), &incoming, &row.span, "https://auth.example.com/");
        row.check(&hop);
    }
}

impl Setting {
    fn sentry(&self) -> Sentry {
        let mut builder = Sentry::builder()
            .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42")
            .release("shop@1.2.3")
            .environment("production");
        if let Some(rate) = self.traces_sample_rate {
            builder = builder.traces_sample_rate(rate);
        }
        if let Some(rate) = self.traces_sampler {
            builder = builder.traces_sampler(move |_| rate);
        }
        if let Some(rate) = self.inherit_or_sample_with {
            builder = builder.traces_sampler(move |cx| cx.inherit_or_sample_with(rate));
        }
        builder.build().unwrap()
    }
}

impl Row {
    fn headers(&self) -> Vec<(&'static str, String)> {
        let flag = match self.parent {
            Parent::None => None,
            Parent::Deferred => Some(""),
            Parent::NotSampled => Some("-0"),
            Parent::Sampled => Some("-1"),
        };
        let trace = flag.map(|flag| format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}{flag}"));
        let trace = trace.map(|value| (SENTRY_TRACE_HEADER, value));
        let baggage = self.baggage.clone().map(|value| (BAGGAGE_HEADER, value));
        trace.into_iter().chain(baggage).collect()
    }

    fn check(&self, hop: &Hop) {
        let name = &self.name;
        let trace = hop.sentry_trace().unwrap_or_else(|| panic!("{name}: no sentry-trace"));
        let continued = !matches!(self.parent, Parent::None);
        assert_eq!(trace.trace_id().to_string() == OTHER_TRACE_ID, continued, "{name}: trace id");
        assert_eq!(trace.span_id(), hop.client.span_id(), "{name}: span id");

        // Both spans are sampled or neither: the child follows its parent.
        let recorded = match hop.recorded.len() {
            0 => false,
            2 => true,
            spans => panic!("{name}: {spans} spans recorded"),
        };
        let flag = match trace.sampled() {
            None => Flag::Deferred,
            Some(false) => Flag::NotSampled,
            Some(true) => Flag::Sampled,
        };
        assert_eq!(recorded, self.recorded.unwrap_or(recorded), "{name}: recorded");
        assert_eq!(flag, self.flag.unwrap_or(flag), "{name}: flag");
        if self.recorded.is_none() {
            assert_eq!(recorded, flag == Flag::Sampled, "{name}: one decision");
        }
        if let [_, server] = &*hop.recorded {
            let rate = server.attributes.iter().find(|kv| kv.key.as_str() == "sentry.sample_rate");
            let rate = rate.map(|kv| kv.value.to_string().parse().unwrap());
            assert_eq!(rate, self.attribute, "{name}: attribute sentry.sample_rate");
        }
        self.check_dsc(&dsc(&hop.sent), flag);
    }

    fn check_dsc(&self, sent: &[(&str, &str)], flag: Flag) {
        let name = &self.name;
        let found: HashMap<&str, &str> = sent.iter().copied().collect();
        assert_eq!(found.len(), sent.len(), "{name}: a duplicate key in {sent:?}");
        match &self.dsc {
            None => assert!(sent.is_empty(), "{name}: {sent:?}"),
            Some(expected) => {
                for (key, value) in expected {
                    assert_eq!(found.get(&**key).copied(), value.as_deref(), "{name}: {key}");
                }
                assert!(found.contains_key("sample_rand"), "{name}: {sent:?}");
            }
        }
        let number = |key| found.get(key).map(|text| text.parse::<f64>().expect(text));
        let decided = flag != Flag::Deferred && !self.contradicts;
        if let (true, Some(rand), Some(rate)) =
            (decided, number("sample_rand"), number("sample_rate"))
        {
            assert_eq!(rand < rate, flag == Flag::Sampled, "{name}: {rand} < {rate}");
        }
    }
}
