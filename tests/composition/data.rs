//! `tests/vectors/composition.json` as data.
#![allow(dead_code)] // Each test uses only part of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::lists::Composition;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) words: BTreeMap<String, String>,
    pub(crate) situations: Vec<Situation>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) rows: Vec<Row>,
}

/// A situation. Its headers use the table's words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Situation {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loss {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The outgoing headers of these compositions in one situation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) came: String,
    pub(crate) through: Vec<Composition>,
    /// Whether `baggage` has members of other parties; `None` if it does not matter.
    pub(crate) user_baggage: Option<bool>,
    pub(crate) trace: String,
    pub(crate) parent: Option<String>,
    pub(crate) flag: String,
    pub(crate) dsc: String,
    pub(crate) own: bool,
    pub(crate) others: bool,
    pub(crate) traceparent: bool,
    pub(crate) tracestate: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) losses: Vec<String>,
}

impl Table {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../vectors/composition.json")).expect("a table")
    }

    pub(crate) fn situation(&self, name: &str) -> &Situation {
        self.situations.iter().find(|known| known.name == name).expect(name)
    }

    /// Replaces the table's words in a text with their meanings.
    pub(crate) fn spell(&self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_ascii_alphanumeric() {
                word.push(c);
                continue;
            }
            match self.words.get(&word) {
                Some(meaning) => out.push_str(&self.spell(meaning)),
                None => out.push_str(&word),
            }
            word.clear();
            out.push(c);
        }
        out.pop();
        out
    }

    /// The incoming headers, optionally with another party's member in `baggage`.
    pub(crate) fn headers(
        &self,
        situation: &Situation,
        member: Option<&str>,
    ) -> BTreeMap<String, String> {
        let mut headers: BTreeMap<String, String> = situation
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), self.spell(value)))
            .collect();
        if let Some(member) = member {
            let baggage = headers.entry("baggage".to_owned()).or_default();
            let comma = if baggage.is_empty() { "" } else { "," };
            *baggage = format!("{member}{comma}{baggage}");
        }
        headers
    }
}
