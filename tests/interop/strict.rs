//! `strict_continuation.json` with a real SDK behind us and before us.

use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use serde::Deserialize;

use crate::apps::{Apps, Settings};
use crate::chain::{run_all, Chain, Outcome, Scenario};
use crate::ingest::Ingest;
use crate::matrix::{row, Row};
use crate::mode::Mode;
use crate::relay::{Kind, Relay};
use crate::sdk::Sdk;

pub(crate) const THEY: &str = "it continues us as the strict table specifies";
pub(crate) const THEY_ALWAYS: &str = "it continues us regardless of the strict table";
pub(crate) const WE: &str = "we continue it as the strict table specifies";

/// A rejected trace gets a new decision, and a different one.
static BEHIND: Scenario =
    Scenario { name: "strict", head: None, relay: Some("0"), service: Some(1), flag: None };
static BEFORE: Scenario =
    Scenario { name: "strict", head: Some(1), relay: Some("0"), service: None, flag: None };

#[derive(Deserialize)]
struct TableRow {
    baggage_org_id: Option<String>,
    own_org_id: Option<String>,
    strict_trace_continuation: bool,
    #[serde(rename = "continue")]
    continues: bool,
}

pub(crate) async fn run(mode: Mode, apps: &mut Apps, ingest: &Ingest) -> Vec<Row> {
    let table: Vec<TableRow> =
        serde_json::from_str(include_str!("../vectors/strict_continuation.json"))
            .expect("the table is valid");
    assert_eq!(table.len(), 10);
    let mut relays = BTreeMap::new();
    let mut chains = Vec::new();
    let mut expected = Vec::new();
    for line in &table {
        let baggage_org_id = line.baggage_org_id.as_deref().map(known);
        let own_org_id = line.own_org_id.as_deref().map(known);
        let strict = line.strict_trace_continuation;
        for setting in [(baggage_org_id, false), (own_org_id, strict)] {
            if let Entry::Vacant(entry) = relays.entry(setting) {
                entry.insert(Arc::new(relay(mode, ingest, setting).await));
            }
        }
        for sdk in Sdk::ALL {
            let service = Some(apps.app(sdk, Settings::organization(own_org_id, strict)));
            let relay = Arc::clone(&relays[&(baggage_org_id, false)]);
            chains.push(Chain { head: None, relay, service, scenario: &BEHIND });
            // DIFFERENCE: a page continues the trace in its <meta> tags, from any organization.
            expected.push(line.continues || sdk.in_browser());

            let settings = Settings::organization(baggage_org_id, false);
            let head = Some(apps.app(sdk, settings));
            let relay = Arc::clone(&relays[&(own_org_id, strict)]);
            chains.push(Chain { head, relay, service: None, scenario: &BEFORE });
            // DIFFERENCE: one SDK sends no DSC, and so no organization id.
            let unknown = !strict || own_org_id.is_none();
            expected.push(if sdk.has_dsc() { line.continues } else { unknown });
        }
    }
    let outcomes = run_all(chains.clone(), ingest).await;
    let verdicts = outcomes.into_iter().zip(expected).map(|(o, expected)| verdict(o?, expected));
    let check = |chain: &Chain| match &chain.service {
        Some(app) if app.sdk.in_browser() => THEY_ALWAYS,
        Some(_) => THEY,
        None => WE,
    };
    chains.iter().zip(verdicts).map(|(chain, verdict)| row(check(chain), chain, verdict)).collect()
}

fn known(org_id: &str) -> &'static str {
    match org_id {
        "1" => "1",
        "2" => "2",
        other => panic!("another organization: {other}"),
    }
}

async fn relay(mode: Mode, ingest: &Ingest, (org_id, strict): (Option<&str>, bool)) -> Relay {
    let mut settings =
        vec![("SENTRY_STRICT_TRACE_CONTINUATION", if strict { "true" } else { "false" })];
    settings.extend(org_id.map(|org_id| ("SENTRY_ORG_ID", org_id)));
    Relay::start(Kind::Example(mode), ingest, BEHIND.relay, &settings).await
}

fn verdict(outcome: Outcome, expected: bool) -> Result<(), String> {
    let (before, after) = match &outcome.head {
        None => {
            let service = Outcome::trace_of(&outcome.got)?;
            (outcome.relayed.trace_id, (service.trace_id, service.sampled != Some(true)))
        }
        Some(head) => {
            let head = Outcome::trace_of(head)?;
            (head.trace_id, (outcome.relayed.trace_id, outcome.relayed.sampled))
        }
    };
    // The trace id and the decision are accepted or rejected together.
    let continued = (before == after.0, after.1);
    if continued == (expected, expected) {
        return Ok(());
    }
    Err(format!("trace and decision continued: {continued:?}, expected {expected}"))
}
