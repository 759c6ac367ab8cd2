//! The headers that SDKs sent as heads of a trace: `tests/vectors/interop_heads.json`, recorded by
//! a run and checked against the crate without any SDK.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::Context;
use opentelemetry_sentry::SentryPropagator;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chain::Outcome;
use crate::sdk::Sdk;
use crate::wire::{header, Headers, SentryTrace};

/// A row of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    name: String,
    pub(crate) sdk: String,
    version: String,
    pub(crate) setting: String,
    #[serde(serialize_with = "in_parts", deserialize_with = "of_parts")]
    pub(crate) headers: Headers,
}

/// A value in parts that end with a comma, so that no line of the file is too long.
fn in_parts<S: Serializer>(headers: &Headers, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        headers.iter().map(|(name, value)| (name, value.split_inclusive(',').collect::<Vec<_>>())),
    )
}

fn of_parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
    let headers = Vec::<(String, Vec<String>)>::deserialize(deserializer)?;
    Ok(headers.into_iter().map(|(name, parts)| (name, parts.concat())).collect())
}

const SETTINGS: [(Option<u8>, &str, &str); 3] = [
    (Some(1), "on", "sample rate 1, organization id 1"),
    (Some(0), "off", "sample rate 0, organization id 1"),
    (None, "deferred", "no tracing configured (decision deferred), organization id 1"),
];

/// One row for each SDK and decision.
pub(crate) fn record(outcomes: &[Outcome]) -> Vec<Head> {
    let mut heads = Vec::new();
    for sdk in Sdk::ALL {
        for (rate, name, setting) in SETTINGS {
            let sent = outcomes.iter().find_map(|outcome| {
                let app = outcome.chain.head.as_ref()?;
                let same = app.sdk == sdk && outcome.chain.scenario.head == rate;
                same.then(|| outcome.passed.last())?
            });
            let Some(sent) = sent else { continue };
            let trace_header = |name: &str| matches!(name, "sentry-trace" | "baggage");
            heads.push(Head {
                name: format!("interop-{}-{name}", sdk.name()),
                sdk: sdk.package().to_owned(),
                version: sdk.version().to_owned(),
                setting: setting.to_owned(),
                headers: sent.headers.iter().filter(|(n, _)| trace_header(n)).cloned().collect(),
            });
        }
    }
    heads
}

/// The file.
pub(crate) fn json(heads: &[Head]) -> String {
    serde_json::to_string_pretty(heads).expect("rows are JSON") + "\n"
}

#[test]
fn every_recorded_head_is_forwarded_unchanged() {
    let heads: Vec<Head> =
        serde_json::from_str(include_str!("../vectors/interop_heads.json")).expect("a table");
    assert_eq!(heads.len(), Sdk::ALL.len() * SETTINGS.len());
    assert_eq!(json(&heads), include_str!("../vectors/interop_heads.json"));
    let propagator = SentryPropagator::new();
    for head in heads {
        let incoming: HashMap<String, String> = head.headers.iter().cloned().collect();
        let context = propagator.extract_with_context(&Context::new(), &incoming);
        let mut sent = HashMap::<String, String>::new();
        propagator.inject_context(&context, &mut sent);

        assert_eq!(sent.get("sentry-trace"), incoming.get("sentry-trace"), "{}", head.name);
        let trace = SentryTrace::of(&head.headers).expect(&head.name);
        let flag = [("on", Some(true)), ("off", Some(false)), ("deferred", None)];
        let (_, mut flag) =
            flag.into_iter().find(|(n, _)| head.name.ends_with(n)).expect("a setting");
        let sdk = Sdk::ALL.into_iter().find(|sdk| sdk.package() == head.sdk).expect("an SDK");
        if !sdk.defers() {
            flag = flag.or(Some(false));
        }
        assert_eq!(trace.sampled, flag, "{}", head.name);

        let came = header(&head.headers, "baggage").expect("one header").unwrap_or_default();
        let went = sent.get("baggage").map(String::as_str).unwrap_or_default();
        let added = went.strip_prefix(came).unwrap_or_else(|| panic!("{}: {went}", head.name));
        let rand = !came.is_empty() && !came.contains("sentry-sample_rand=");
        assert_eq!(added.starts_with(",sentry-sample_rand="), rand, "{}: {added}", head.name);
        assert!(added.matches(',').count() <= 1, "{}: {added}", head.name);
    }
}
