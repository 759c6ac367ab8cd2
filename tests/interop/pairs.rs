//! Every SDK as the head of the trace, every SDK as the service behind us.

use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;
use std::time::Duration;

use crate::apps::{Apps, Settings};
use crate::chain::{run_all, Chain, Outcome, Scenario};
use crate::checks::{self, ARRIVES};
use crate::ingest::Ingest;
use crate::matrix::{row, Row};
use crate::relay::{Kind, Relay};
use crate::sdk::Sdk;

/// A service that receives a decision would decide otherwise without it.
pub(crate) static SCENARIOS: [Scenario; 7] = [
    scenario("sampled", Some(1), Some("0"), Some(0), Some(true)),
    scenario("not sampled", Some(0), Some("1"), Some(1), Some(false)),
    scenario("deferred", None, None, Some(1), None),
    scenario("deferred, sampled by us", None, Some("1"), Some(0), Some(true)),
    scenario("deferred, not sampled by us", None, Some("0"), Some(1), Some(false)),
    scenario("sampled, we have no tracing", Some(1), None, Some(0), Some(true)),
    scenario("not sampled, we have no tracing", Some(0), None, Some(1), Some(false)),
];

/// The scenarios with a head that marks a trace as unsampled if tracing is not configured.
static WITHOUT_TRACING: [Scenario; 3] = [
    scenario("a head without tracing", None, None, Some(1), Some(false)),
    scenario("a head without tracing, we would sample", None, Some("1"), Some(1), Some(false)),
    scenario("a head without tracing, we would not", None, Some("0"), Some(1), Some(false)),
];

/// The scenario in the form that this head produces.
fn as_made_by(head: Sdk, scenario: &'static Scenario) -> &'static Scenario {
    let same = |other: &&Scenario| other.relay == scenario.relay;
    match scenario.head {
        // DIFFERENCE: one SDK never defers.
        None if !head.defers() => WITHOUT_TRACING.iter().find(same).unwrap_or(scenario),
        _ => scenario,
    }
}

const fn scenario(
    name: &'static str,
    head: Option<u8>,
    relay: Option<&'static str>,
    service: Option<u8>,
    flag: Option<bool>,
) -> Scenario {
    Scenario { name, head, relay, service, flag }
}

/// The chains from each of these SDKs through this relay to each of them, and to an echo.
pub(crate) async fn chains(
    kind: Kind,
    sdks: &[Sdk],
    apps: &mut Apps,
    ingest: &Ingest,
) -> Vec<Chain> {
    let mut relays = BTreeMap::new();
    let mut chains = Vec::new();
    for scenario in &SCENARIOS {
        if let Entry::Vacant(entry) = relays.entry(scenario.relay) {
            entry.insert(Arc::new(Relay::start(kind, ingest, scenario.relay, &[]).await));
        }
        for head in sdks {
            let scenario = as_made_by(*head, scenario);
            let head = apps.app(*head, Settings::rate(scenario.head));
            for service in sdks.iter().copied().map(Some).chain([None]) {
                let service =
                    service.map(|service| apps.app(service, Settings::rate(scenario.service)));
                let relay = Arc::clone(&relays[&scenario.relay]);
                chains.push(Chain { head: Some(Arc::clone(&head)), relay, service, scenario });
            }
        }
    }
    chains
}

/// Runs one group of chains.
pub(crate) async fn run_one(
    chains: Vec<Chain>,
    ingest: &Ingest,
    patience: Duration,
) -> (Vec<Row>, Vec<Outcome>) {
    run(vec![chains], ingest, patience).await.pop().unwrap_or_default()
}

/// Runs each group of chains, waits for everything they sent, and checks each group's outcomes.
pub(crate) async fn run(
    groups: Vec<Vec<Chain>>,
    ingest: &Ingest,
    patience: Duration,
) -> Vec<(Vec<Row>, Vec<Outcome>)> {
    let mut results = Vec::new();
    for chains in groups {
        let mut rows = Vec::new();
        let mut outcomes = Vec::new();
        for (chain, outcome) in chains.iter().zip(run_all(chains.clone(), ingest).await) {
            match outcome {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => rows.push(row(ARRIVES, chain, Err(error))),
            }
        }
        results.push((rows, outcomes));
    }
    let outcomes = results.iter().flat_map(|(_, outcomes)| outcomes);
    let expected: Vec<_> = outcomes.flat_map(Outcome::expected_items).collect();
    ingest.wait_for(&expected, patience).await;
    for (rows, outcomes) in &mut results {
        rows.extend(outcomes.iter().flat_map(|outcome| checks::evaluate(outcome, ingest)));
    }
    results
}
