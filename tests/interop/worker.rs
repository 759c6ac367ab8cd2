//! The Rust worker of `stacks/cloudflare_worker` in workerd, replacing the relay.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::time::{sleep, Instant};

use crate::apps::{Apps, Settings};
use crate::chain::{run_all, Chain, Outcome, Scenario};
use crate::ingest::{hex, Ingest};
use crate::matrix::{row, Row};
use crate::pairs;
use crate::relay::{Kind, Relay, ENVIRONMENT, RELEASE};
use crate::relay_as_head;
use crate::sdk::Sdk;

const SPANS: &str = "our spans are in Sentry according to the decision";
const OTHER_ORGANIZATION: &str = "a trace of another organization is not continued";

/// The project of every relay.
const PROJECT: u32 = 1;

/// Bits of OTLP's `SpanFlags`: it is known whether the parent is remote, and it is remote.
const REMOTE_PARENT: u32 = 0x300;

static REFUSED: Scenario = Scenario {
    name: "another organization",
    head: Some(1),
    relay: Some("0"),
    service: Some(1),
    flag: Some(false),
};

pub(crate) async fn run(apps: &mut Apps, ingest: &Ingest, patience: Duration) -> Vec<Row> {
    let sdks = [Sdk::Node];
    let mut relays = Vec::new();
    for rate in [None, Some("0"), Some("1")] {
        relays.push((rate, Arc::new(Relay::start(Kind::Worker, ingest, rate, &[]).await)));
    }
    let mut chains = Vec::new();
    for scenario in &pairs::SCENARIOS {
        let head = Some(apps.app(Sdk::Cloudflare, Settings::rate(scenario.head)));
        let (_, relay) = relays.iter().find(|(rate, _)| *rate == scenario.relay).expect("started");
        for service in sdks.into_iter().map(Some).chain([None]) {
            let service = service.map(|sdk| apps.app(sdk, Settings::rate(scenario.service)));
            chains.push(Chain { head: head.clone(), relay: Arc::clone(relay), service, scenario });
        }
    }
    let (mut rows, outcomes) = pairs::run_one(chains, ingest, patience).await;
    assert!(!outcomes.is_empty(), "{rows:?}");
    for outcome in &outcomes {
        rows.push(row(SPANS, &outcome.chain, exported(outcome, ingest, patience).await));
    }
    rows.extend(other_organization(apps, ingest).await);
    rows.extend(relay_as_head::run(&[Kind::Worker], &sdks, apps, ingest, patience).await);
    rows
}

/// The server's and client's spans of a sampled request, or none.
async fn exported(outcome: &Outcome, ingest: &Ingest, patience: Duration) -> Result<(), String> {
    let relayed = &outcome.relayed;
    let expected = if relayed.sampled { 2 } else { 0 };
    let deadline = Instant::now() + patience;
    let spans = || ingest.spans(PROJECT, &relayed.trace_id);
    while spans().len() < expected && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    let spans = spans();
    if spans.len() != expected {
        return Err(format!("{} spans arrived, expected {expected}", spans.len()));
    }
    if expected == 0 {
        return Ok(());
    }
    let client = relayed.client_span_id.as_deref().ok_or("there is a client span")?;
    let is_client = |span: &&Span| hex(&span.span_id) == client;
    let client = spans.iter().find(is_client).ok_or("the client span is not there")?;
    let server = spans.iter().find(|span| !is_client(span)).ok_or("no server span")?;
    let parent = relayed.parent_span_id.as_deref().unwrap_or_default();
    let tree = (hex(&client.parent_span_id), hex(&server.parent_span_id));
    if tree != (hex(&server.span_id), parent.to_owned()) {
        return Err(format!("the parents of the client and the server: {tree:?}"));
    }
    if server.flags & REMOTE_PARENT != REMOTE_PARENT || server.end_time_unix_nano == 0 {
        return Err(format!("flags {:#x}, end {}", server.flags, server.end_time_unix_nano));
    }
    for span in [client, server] {
        for (name, value) in [("sentry.release", RELEASE), ("sentry.environment", ENVIRONMENT)] {
            if attribute(span, name) != Some(value) {
                return Err(format!("{name}: {:?}", attribute(span, name)));
            }
        }
    }
    Ok(())
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The caller's organization is 1, and the worker's 2.
async fn other_organization(apps: &mut Apps, ingest: &Ingest) -> Vec<Row> {
    let settings = [("SENTRY_ORG_ID", "2")];
    let relay = Relay::start(Kind::Worker, ingest, REFUSED.relay, &settings).await;
    let head = Some(apps.app(Sdk::Cloudflare, Settings::rate(REFUSED.head)));
    let chain = Chain { head, relay: Arc::new(relay), service: None, scenario: &REFUSED };
    let outcomes = run_all(vec![chain.clone()], ingest).await;
    let verdict = |outcome: Result<Outcome, String>| {
        let outcome = outcome?;
        let head = Outcome::trace_of(outcome.head.as_ref().ok_or("there is a head")?)?;
        let sent = crate::wire::SentryTrace::of(&outcome.got.headers)?;
        // The trace, the parent and the decision are rejected together.
        let relayed = &outcome.relayed;
        if head.trace_id != relayed.trace_id
            && relayed.parent_span_id.is_none()
            && (&sent.trace_id, sent.sampled) == (&relayed.trace_id, Some(false))
        {
            return Ok(());
        }
        Err(format!("{head:?} led to {relayed:?}, and {sent:?} was sent"))
    };
    let verdicts = outcomes.into_iter().map(verdict);
    verdicts.map(|verdict| row(OTHER_ORGANIZATION, &chain, verdict)).collect()
}
