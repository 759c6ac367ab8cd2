//! Compares the outgoing `baggage` with the context's baggage.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::Context;

use super::w3c::{baggage, decoded, is_token, Member};

/// Finds faults in the outgoing members. They are exactly the context's, decoded, apart from
/// Sentry's. Each property comes from the metadata, and each valid property of the metadata is
/// sent.
pub(crate) fn fault(sent: &HashMap<String, String>, cx: &Context) -> Option<String> {
    own_fault(sent, cx).err().map(|fault| format!("{fault}: {:?}", sent.get("baggage")))
}

fn own_fault(sent: &HashMap<String, String>, cx: &Context) -> Result<(), String> {
    let list = sent.get("baggage").map_or("", String::as_str);
    let members = match list {
        "" => Vec::new(),
        list => baggage(list)?,
    };
    require(list.len() <= 8192 && members.len() <= 64, || "too long".to_owned())?;
    let (_, others): (Vec<Member>, Vec<Member>) =
        members.into_iter().partition(|member| member.key.starts_with("sentry-"));
    let sent_keys: Vec<String> = others.iter().map(|member| decoded(&member.key)).collect();
    let expected: BTreeMap<&str, _> =
        cx.baggage().iter().map(|(key, entry)| (key.as_str(), entry)).collect();
    let mut keys: Vec<&str> = sent_keys.iter().map(String::as_str).collect();
    keys.sort_unstable();
    let meant: Vec<&str> =
        expected.keys().copied().filter(|key| !key.starts_with("sentry-")).collect();
    require(keys == meant, || format!("members {keys:?}, expected {meant:?}"))?;
    for (member, key) in others.iter().zip(&sent_keys) {
        let (value, metadata) = expected[&**key];
        let (sent_value, meant) = (decoded(&member.value), value.as_str());
        require(sent_value == meant, || format!("{key} is {sent_value:?}, expected {meant:?}"))?;
        properties(member, metadata.as_str())?;
    }
    Ok(())
}

fn require(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    holds.then_some(()).ok_or_else(fault)
}

fn properties(member: &Member, metadata: &str) -> Result<(), String> {
    let meant: Vec<(String, Option<String>)> = metadata
        .split(';')
        .filter(|text| !text.trim().is_empty())
        .map(|text| match text.split_once('=') {
            Some((key, value)) => (key.trim().to_owned(), Some(value.trim().to_owned())),
            None => (text.trim().to_owned(), None),
        })
        .collect();
    let sent_value =
        |(key, value): &(String, Option<String>)| (key.clone(), value.as_deref().map(decoded));
    let sent: Vec<(String, Option<String>)> = member.properties.iter().map(sent_value).collect();
    // A key is a token and is not percent-decoded: it is either unchanged or its property is
    // missing.
    let is_property = |(key, _): &&(String, Option<String>)| is_token(key) && !key.contains('%');
    let expected: Vec<&(String, Option<String>)> = meant.iter().filter(is_property).collect();
    let found: Vec<&(String, Option<String>)> = sent.iter().filter(is_property).collect();
    require(found == expected, || format!("properties {found:?}, expected {expected:?}"))?;
    for (key, value) in &sent {
        let is_meant = |(k, v): &(String, Option<String>)| *k == decoded(key) && v == value;
        let is_there = meant.iter().any(|meant| is_meant(meant) || meant.0 == *key);
        require(is_there, || format!("the property {key} of {metadata:?}"))?;
    }
    Ok(())
}

/// Collects all faults, so that one fault does not hide the next.
#[derive(Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    pub(crate) fn note(&mut self, case: impl FnOnce() -> String, fault: Option<String>) {
        self.0.extend(fault.map(|fault| format!("{}: {fault}", case())));
    }

    #[track_caller]
    pub(crate) fn none(self) {
        let some: Vec<&str> = self.0.iter().take(12).map(String::as_str).collect();
        assert!(some.is_empty(), "{} faults\n{}", self.0.len(), some.join("\n"));
    }
}
