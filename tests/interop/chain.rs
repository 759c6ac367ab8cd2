//! One trace through the services: an SDK or no head, then the relay, then an SDK or an echo.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::apps::{App, Report};
use crate::ingest::Ingest;
use crate::relay::Relay;
use crate::tap::Passed;
use crate::wire::SentryTrace;

/// The number of concurrent requests.
const WORKERS: usize = 4;

/// Which service decides, settings that would decide otherwise, and the expected result.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The rates of the three services. `None` leaves tracing unconfigured.
    pub(crate) head: Option<u8>,
    pub(crate) relay: Option<&'static str>,
    pub(crate) service: Option<u8>,
    /// The flag that the relay sends.
    pub(crate) flag: Option<bool>,
}

impl Scenario {
    /// The service's decision: the incoming one, else by its own rate.
    pub(crate) fn decision(&self) -> bool {
        self.flag.unwrap_or(self.service == Some(1))
    }
}

/// One request to make.
#[derive(Clone)]
pub(crate) struct Chain {
    /// `None`: the relay is the head of the trace.
    pub(crate) head: Option<Arc<App>>,
    pub(crate) relay: Arc<Relay>,
    /// `None`: the echo.
    pub(crate) service: Option<Arc<App>>,
    pub(crate) scenario: &'static Scenario,
}

/// The relay's answer with the service's answer to it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relayed {
    pub(crate) trace_id: String,
    pub(crate) parent_span_id: Option<String>,
    pub(crate) client_span_id: Option<String>,
    pub(crate) sampled: bool,
    pub(crate) upstream: Value,
}

/// The result of a request.
pub(crate) struct Outcome {
    pub(crate) chain: Chain,
    /// The head's report.
    pub(crate) head: Option<Report>,
    /// The requests between the head and the relay.
    pub(crate) passed: Vec<Passed>,
    pub(crate) relayed: Relayed,
    /// The service's report.
    pub(crate) got: Report,
}

impl Outcome {
    /// The trace that an app continued or started.
    pub(crate) fn trace_of(report: &Report) -> Result<SentryTrace, String> {
        let text = report.trace_data.get("sentry-trace").and_then(Option::as_deref);
        SentryTrace::parse(text.ok_or("the SDK knows of no trace")?)
    }

    /// The items that the fake Sentry must receive: (project, trace id, recorded).
    pub(crate) fn expected_items(&self) -> Vec<(u32, String, bool)> {
        let mut expected = Vec::new();
        if let (Some(app), Ok(trace)) = (&self.chain.service, Self::trace_of(&self.got)) {
            if self.chain.scenario.decision() {
                expected.push((app.project, trace.trace_id.clone(), true));
            }
            expected.push((app.project, trace.trace_id, false));
        }
        if let (Some(app), Some(report)) = (&self.chain.head, &self.head) {
            if let Ok(trace) = Self::trace_of(report) {
                expected.push((app.project, trace.trace_id, false));
            }
        }
        expected
    }
}

impl Chain {
    pub(crate) fn names(&self) -> (&'static str, &'static str) {
        let name = |app: &Option<Arc<App>>, other| app.as_ref().map_or(other, |a| a.sdk.name());
        (name(&self.head, "relay"), name(&self.service, "echo"))
    }

    async fn run(
        self,
        id: String,
        ingest: Ingest,
        client: reqwest::Client,
    ) -> Result<Outcome, String> {
        let to = match &self.service {
            Some(app) => app.url(None),
            None => ingest.echo.clone(),
        };
        let relay = self.relay.url(&to, &id);
        let url = self.head.as_ref().map_or_else(|| relay.clone(), |head| head.url(Some(&relay)));
        let response = client.get(&url).send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|error| error.to_string())?;
        let read = |what: &str, error| format!("{what}, {status}, answers {text}: {error}");

        let (head, relayed): (Option<Report>, Relayed) = if self.head.is_some() {
            let report: Report =
                serde_json::from_str(&text).map_err(|error| read("the head", error))?;
            let relayed = serde_json::from_value(report.answer.clone())
                .map_err(|error| read("the relay", error))?;
            (Some(report), relayed)
        } else {
            (None, serde_json::from_str(&text).map_err(|error| read("the relay", error))?)
        };
        let got = serde_json::from_value(relayed.upstream.clone())
            .map_err(|error| read("the service", error))?;
        let passed = self.relay.tap.passed(&id);
        Ok(Outcome { chain: self, head, passed, relayed, got })
    }
}

/// Runs the chains, a few at a time, and waits until the fake Sentry has received everything.
pub(crate) async fn run_all(chains: Vec<Chain>, ingest: &Ingest) -> Vec<Result<Outcome, String>> {
    let count = chains.len();
    let queue: VecDeque<(usize, Chain)> = chains.into_iter().enumerate().collect();
    let queue = Arc::new(Mutex::new(queue));
    let client = crate::client();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (queue, ingest, client) = (Arc::clone(&queue), ingest.clone(), client.clone());
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let next = queue.lock().expect("no holder panics").pop_front();
                let Some((index, chain)) = next else { return done };
                let names = chain.names();
                let outcome = chain.run(index.to_string(), ingest.clone(), client.clone()).await;
                done.push((index, outcome.map_err(|error| format!("{names:?}: {error}"))));
            }
        });
    }
    let mut outcomes: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(outcomes.len(), count);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
