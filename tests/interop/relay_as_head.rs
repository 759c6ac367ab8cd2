//! The relay as the head of the trace, every SDK as the service behind it.

use std::sync::Arc;
use std::time::Duration;

use crate::apps::{Apps, Settings};
use crate::chain::{run_all, Chain, Outcome, Scenario};
use crate::checks::{equal, no_member_of_ours, Check};
use crate::ingest::Ingest;
use crate::matrix::{row, Row};
use crate::mode::Mode;
use crate::pairs;
use crate::relay::{Kind, Relay, PUBLIC_KEY};
use crate::sdk::Sdk;
use crate::wire::{dsc, header, traceparent, tracestate, Dsc, Headers, SentryTrace};

pub(crate) const AS_WE: &str =
    "it decides as we do at rate 0.3, over 200 requests in mode `alone` and 50 in each other mode";
pub(crate) const NO_TARGET: &str = "no header arrives where no target is allowed";
pub(crate) const W3C_ONLY: &str =
    "by design: only W3C's headers arrive where no target is allowed, without our DSC";

fn requests(mode: Mode) -> usize {
    match mode {
        Mode::Alone => 200,
        // The code that decides is the same, and the browser's page loads are slow.
        _ => 50,
    }
}

static SCENARIOS: [Scenario; 3] = [
    Scenario { name: "sampled", head: None, relay: Some("1"), service: Some(0), flag: Some(true) },
    Scenario {
        name: "not sampled",
        head: None,
        relay: Some("0"),
        service: Some(1),
        flag: Some(false),
    },
    Scenario { name: "deferred", head: None, relay: None, service: Some(1), flag: None },
];

/// Each request has its own flag.
static RATE: Scenario =
    Scenario { name: "rate 0.3", head: None, relay: Some("0.3"), service: None, flag: None };

static NO_TARGETS: Scenario =
    Scenario { name: "no targets", head: None, relay: Some("1"), service: Some(0), flag: None };

/// These relays before each of these SDKs and before an echo.
pub(crate) async fn run(
    kinds: &[Kind],
    sdks: &[Sdk],
    apps: &mut Apps,
    ingest: &Ingest,
    patience: Duration,
) -> Vec<Row> {
    let dsn = ingest.dsn(&format!("{PUBLIC_KEY}@o1.localhost"), 1);
    let mut chains = Vec::new();
    for kind in kinds {
        for scenario in &SCENARIOS {
            let settings = [("SENTRY_DSN", &*dsn)];
            let relay = Relay::start(*kind, ingest, scenario.relay, &settings).await;
            let relay = Arc::new(relay);
            for service in sdks.iter().copied().map(Some).chain([None]) {
                let service = service.map(|sdk| apps.app(sdk, Settings::rate(scenario.service)));
                chains.push(Chain { head: None, relay: Arc::clone(&relay), service, scenario });
            }
        }
    }
    let mut rows = pairs::run_one(chains, ingest, patience).await.0;
    rows.extend(no_targets(kinds, sdks, apps, ingest).await);
    rows.extend(rate(kinds, sdks, apps, ingest, patience).await);
    rows
}

/// As the head, and behind an SDK.
async fn no_targets(kinds: &[Kind], sdks: &[Sdk], apps: &mut Apps, ingest: &Ingest) -> Vec<Row> {
    let settings = [("SENTRY_TRACE_PROPAGATION_TARGETS", "")];
    let mut chains = Vec::new();
    for kind in kinds {
        let relay = Arc::new(Relay::start(*kind, ingest, NO_TARGETS.relay, &settings).await);
        for service in sdks.iter().copied().map(Some).chain([None]) {
            let service = service.map(|sdk| apps.app(sdk, Settings::rate(NO_TARGETS.service)));
            for head in [None, Some(apps.app(Sdk::Node, Settings::rate(Some(1))))] {
                let (relay, service) = (Arc::clone(&relay), service.clone());
                chains.push(Chain { head, relay, service, scenario: &NO_TARGETS });
            }
        }
    }
    let outcomes = run_all(chains.clone(), ingest).await;
    let row = |(chain, outcome): (&Chain, Result<Outcome, String>)| {
        if chain.relay.mode.holds_w3c_to_targets() {
            row(NO_TARGET, chain, outcome.and_then(|outcome| nothing(&outcome)))
        } else {
            row(W3C_ONLY, chain, outcome.and_then(|outcome| nothing_of_ours(&outcome)))
        }
    };
    chains.iter().zip(outcomes).map(row).collect()
}

fn nothing(outcome: &Outcome) -> Check {
    if !outcome.got.headers.is_empty() {
        return Err(format!("arrived: {:?}", outcome.got.headers));
    }
    match &outcome.chain.service {
        Some(_) if Outcome::trace_of(&outcome.got)?.trace_id == outcome.relayed.trace_id => {
            Err("the service is in our trace".to_owned())
        }
        _ => Ok(()),
    }
}

/// W3C's headers, which the stock propagators send everywhere, without Sentry's.
pub(crate) fn nothing_of_sentry(headers: &Headers) -> Check {
    equal("sentry-trace", header(headers, "sentry-trace")?, None)?;
    let baggage = header(headers, "baggage")?;
    equal("our DSC", dsc(baggage)?, Dsc::new())
}

fn nothing_of_ours(outcome: &Outcome) -> Check {
    let headers = &outcome.got.headers;
    nothing_of_sentry(headers)?;
    let (trace_id, span_id, _) = traceparent(headers)?.ok_or("no traceparent arrived")?;
    equal("the trace", trace_id, &*outcome.relayed.trace_id)?;
    equal("the span", Some(span_id), outcome.relayed.client_span_id.as_deref())?;
    tracestate(headers).and_then(|members| only_facts(&members, outcome.chain.relay.mode))
}

/// The stock propagator of a list sends the sampling facts: flag, `sample_rand`, `sample_rate`.
fn only_facts(members: &[(&str, &str)], mode: Mode) -> Check {
    if mode != Mode::List {
        return no_member_of_ours(members);
    }
    let text = format!("{members:?}");
    let secrets = [PUBLIC_KEY, "relay@", "relay%40", "2.1.0", "prod", "GET"];
    equal("of our DSC", secrets.into_iter().find(|secret| text.contains(secret)), None)
}

async fn rate(
    kinds: &[Kind],
    sdks: &[Sdk],
    apps: &mut Apps,
    ingest: &Ingest,
    patience: Duration,
) -> Vec<Row> {
    let mut chains = Vec::new();
    for kind in kinds {
        let relay = Arc::new(Relay::start(*kind, ingest, RATE.relay, &[]).await);
        for sdk in sdks.iter().copied() {
            for request in 0..requests(kind.mode()) {
                // Its own settings would record nothing or everything.
                let rate = Some(u8::from(request % 2 == 0));
                let service = Some(apps.app(sdk, Settings::rate(rate)));
                let relay = Arc::clone(&relay);
                chains.push(Chain { head: None, relay, service, scenario: &RATE });
            }
        }
    }
    let outcomes = run_all(chains.clone(), ingest).await;
    let mut expected = Vec::new();
    for outcome in outcomes.iter().flatten() {
        if let Some(app) = &outcome.chain.service {
            let trace_id = outcome.relayed.trace_id.clone();
            expected.push((app.project, trace_id, outcome.relayed.sampled));
        }
    }
    ingest.wait_for(&expected, patience).await;

    let decision = |outcome: &Result<Outcome, String>| {
        let outcome = outcome.as_ref().map_err(Clone::clone)?;
        let app = outcome.chain.service.as_ref().ok_or("there is a service")?;
        let arrived = SentryTrace::of(&outcome.got.headers)?;
        let decided = Outcome::trace_of(&outcome.got)?.sampled;
        let segments = ingest.items(app.project, &outcome.relayed.trace_id, true).len();
        let ours = outcome.relayed.sampled;
        let all = (arrived.sampled, decided, segments);
        if all == (Some(ours), Some(ours), usize::from(ours)) {
            return Ok(ours);
        }
        Err(format!("ours: {ours}; arrived, decided, segments in Sentry: {all:?}"))
    };
    let mut all: Vec<_> = chains.iter().zip(&outcomes).collect();
    let mut rows = Vec::new();
    while let Some((chain, _)) = all.first() {
        let rest = all.split_off(requests(chain.relay.mode));
        let group = std::mem::replace(&mut all, rest);
        rows.push(all_decided(group[0].0, &group, decision));
    }
    rows
}

/// Every request is decided as we decided, and the sampled share is near the rate.
fn all_decided(
    chain: &Chain,
    group: &[(&Chain, &Result<Outcome, String>)],
    decision: impl Fn(&Result<Outcome, String>) -> Result<bool, String>,
) -> Row {
    let decisions: Result<Vec<bool>, String> =
        group.iter().map(|(_, outcome)| decision(outcome)).collect();
    let verdict = decisions.and_then(|decisions| {
        let sampled = decisions.iter().filter(|sampled| **sampled).count();
        let expected = 0.3 * group.len() as f64;
        let deviation = (0.7 * expected).sqrt();
        if sampled > 0 && (sampled as f64 - expected).abs() < 5.5 * deviation {
            return Ok(());
        }
        Err(format!("{sampled} of {} sampled", group.len()))
    });
    row(AS_WE, chain, verdict)
}
