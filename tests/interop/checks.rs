//! The checks that must hold for every trace through the relay.

use std::sync::Arc;

use crate::apps::App;
use crate::chain::{Chain, Outcome, Scenario};
use crate::ingest::{Ingest, Item};
use crate::matrix::{self, Row};
use crate::mode::Mode;
use crate::probes::Probe;
use crate::relay::{ENVIRONMENT, PUBLIC_KEY, RELEASE};
use crate::sdk::Sdk;
use crate::wire::{
    dsc, header, is_six_digits, threshold_holds, traceparent, tracestate, Dsc, Headers, SentryTrace,
};

pub(crate) const ARRIVES: &str = "the request arrives";
pub(crate) const ONE_TRACE: &str = "one trace id from end to end";
pub(crate) const PARENT: &str = "its parent span is our client span";
pub(crate) const DECISION: &str = "the decision is inherited";
pub(crate) const RECORDED: &str = "it records according to the decision";
pub(crate) const BYTES: &str = "the DSC arrives byte for byte";
pub(crate) const MEMBERS: &str = "every member of our DSC is correct";
pub(crate) const UNDERSTOOD: &str = "it understands the DSC as sent";
pub(crate) const SENDS_ON: &str = "its envelopes have its own DSC; it forwards ours";
pub(crate) const ENVELOPE: &str = "its envelopes' `trace` agrees";
pub(crate) const PREFLIGHT: &str = "the preflight happens and passes";

pub(crate) const W3C: &str = "`traceparent` agrees with `sentry-trace`";
pub(crate) const W3C_OF_SPAN: &str = "`traceparent` has the same ids, and our span's own flag";
pub(crate) const STATE: &str = "`tracestate` is valid, without our members, and its `th` holds";

pub(crate) const ALL: [&str; 14] = [
    ARRIVES,
    ONE_TRACE,
    PARENT,
    DECISION,
    RECORDED,
    BYTES,
    MEMBERS,
    UNDERSTOOD,
    SENDS_ON,
    ENVELOPE,
    PREFLIGHT,
    W3C,
    W3C_OF_SPAN,
    STATE,
];

pub(crate) type Check = Result<(), String>;

pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(what: &str, actual: T, expected: T) -> Check {
    if actual == expected {
        return Ok(());
    }
    Err(format!("{what}: {actual:?}, expected {expected:?}"))
}

/// The checks that apply to this chain.
pub(crate) fn evaluate(outcome: &Outcome, ingest: &Ingest) -> Vec<Row> {
    let chain = &outcome.chain;
    let mut rows = Vec::new();
    let mut row = |check, verdict| rows.push(matrix::row(check, chain, verdict));
    row(ARRIVES, SentryTrace::of(&outcome.got.headers).map(drop));
    row(ONE_TRACE, one_trace(outcome, ingest));
    row(PARENT, parent(outcome, ingest));
    row(DECISION, decision(outcome));
    if chain.service.is_some() {
        row(RECORDED, recorded(outcome, ingest));
    }
    match &chain.head {
        Some(_) => row(BYTES, bytes(outcome)),
        None => row(MEMBERS, members(outcome)),
    }
    // Without an incoming DSC the SDKs differ: see the probes.
    let arrives = chain.head.as_ref().map_or(true, |app| app.sdk.has_dsc());
    if let Some(service) = chain.service.as_ref().filter(|app| arrives && app.sdk.has_dsc()) {
        if service.sdk.reports_dsc() {
            row(UNDERSTOOD, understood(outcome, ingest));
            row(ENVELOPE, envelope(outcome, ingest));
        } else {
            row(SENDS_ON, sends_on(outcome));
        }
    }
    if chain.head.as_ref().is_some_and(|app| app.sdk.in_browser()) {
        row(PREFLIGHT, preflight(outcome));
    }
    let mode = chain.relay.mode;
    if mode.speaks_w3c() {
        let trace = SentryTrace::of(&outcome.got.headers);
        if mode == Mode::List {
            // The stock propagator knows only the span's flag.
            let sampled = outcome.relayed.sampled;
            row(W3C_OF_SPAN, trace.and_then(|t| w3c(&outcome.got.headers, &t, sampled)));
        } else {
            let verdict = trace
                .and_then(|trace| w3c(&outcome.got.headers, &trace, trace.sampled == Some(true)));
            row(W3C, verdict);
        }
        row(STATE, state(&outcome.got.headers));
    }
    rows
}

fn w3c(headers: &Headers, trace: &SentryTrace, sampled: bool) -> Check {
    let expected = Some((&*trace.trace_id, &*trace.span_id, sampled));
    equal("the traceparent", traceparent(headers)?, expected)
}

/// Beside a `traceparent`: a valid list without our members and without a false `th`.
pub(crate) fn state(headers: &Headers) -> Check {
    let (trace_id, _, sampled) = traceparent(headers)?.ok_or("no traceparent arrived")?;
    let members = tracestate(headers)?;
    no_member_of_ours(&members)?;
    threshold_holds(&members, trace_id, sampled)
}

pub(crate) fn no_member_of_ours(members: &[(&str, &str)]) -> Check {
    let ours = |key: &str| {
        let digits = key.strip_prefix("sentry").map(|rest| rest.trim_start_matches('-'));
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    equal("our members", members.iter().find(|(key, _)| ours(key)), None)
}

/// The items that the service sent to Sentry for its trace.
fn items(outcome: &Outcome, ingest: &Ingest, recorded: bool) -> Result<Vec<Item>, String> {
    let Some(app) = &outcome.chain.service else { return Ok(Vec::new()) };
    let trace = Outcome::trace_of(&outcome.got)?;
    Ok(ingest.items(app.project, &trace.trace_id, recorded))
}

/// The single sentry-trace between head and relay.
fn head_trace(outcome: &Outcome) -> Result<SentryTrace, String> {
    let sent = outcome.passed.last().ok_or("nothing passed the tap")?;
    SentryTrace::of(&sent.headers)
}

fn one_trace(outcome: &Outcome, ingest: &Ingest) -> Check {
    let trace_id = &outcome.relayed.trace_id;
    if let Some(report) = &outcome.head {
        equal("the head's trace", &Outcome::trace_of(report)?.trace_id, trace_id)?;
        equal("what the head sent", &head_trace(outcome)?.trace_id, trace_id)?;
    }
    let arrived = SentryTrace::of(&outcome.got.headers)?;
    equal("what arrived", &arrived.trace_id, trace_id)?;
    if outcome.chain.service.is_some() {
        equal("the service's trace", &Outcome::trace_of(&outcome.got)?.trace_id, trace_id)?;
        if items(outcome, ingest, false)?.is_empty() {
            return Err("the service's message did not reach Sentry".to_owned());
        }
    }
    Ok(())
}

fn parent(outcome: &Outcome, ingest: &Ingest) -> Check {
    let relayed = &outcome.relayed;
    if outcome.head.is_some() {
        let sent = head_trace(outcome)?.span_id;
        equal("our parent", relayed.parent_span_id.as_ref(), Some(&sent))?;
    } else {
        equal("our parent", relayed.parent_span_id.as_ref(), None)?;
    }
    let arrived = SentryTrace::of(&outcome.got.headers)?;
    let client_span_id = relayed.client_span_id.as_ref();
    equal("the span id that arrived", Some(&arrived.span_id), client_span_id)?;
    for recorded in [false, true] {
        for item in items(outcome, ingest, recorded)? {
            equal("the parent Sentry sees", item.parent_span_id.as_ref(), client_span_id)?;
        }
    }
    Ok(())
}

fn decision(outcome: &Outcome) -> Check {
    let scenario = outcome.chain.scenario;
    let arrived = SentryTrace::of(&outcome.got.headers)?;
    equal("the flag that arrived", arrived.sampled, scenario.flag)?;
    if scenario.relay.is_some() {
        equal("our decision", Some(outcome.relayed.sampled), scenario.flag)?;
    }
    if outcome.chain.service.is_some() {
        let decided = Outcome::trace_of(&outcome.got)?.sampled;
        equal("the service's decision", decided, Some(scenario.decision()))?;
    }
    Ok(())
}

fn recorded(outcome: &Outcome, ingest: &Ingest) -> Check {
    let count = items(outcome, ingest, true)?.len();
    equal("segments in Sentry", count, usize::from(outcome.chain.scenario.decision()))
}

/// The head's members arrive unchanged. After them only the members that a deferred trace may gain.
fn bytes(outcome: &Outcome) -> Check {
    let sent = outcome.passed.last().ok_or("nothing passed the tap")?;
    let sent = header(&sent.headers, "baggage")?.unwrap_or_default();
    let arrived = header(&outcome.got.headers, "baggage")?.unwrap_or_default();
    let rest = arrived
        .strip_prefix(sent)
        .ok_or_else(|| format!("arrived: {arrived}, sent: {sent}"))?
        .trim_start_matches(',');
    let head = dsc(Some(sent))?;
    let mut added = dsc(Some(rest))?;
    if let Some(rand) = added.remove("sample_rand") {
        equal("a sample_rand was missing", head.contains_key("sample_rand"), false)?;
        equal("six digits", is_six_digits(&rand), true)?;
    }
    let decided = head_trace(outcome)?.sampled.is_none() && !head.is_empty();
    let mut expected = Dsc::new();
    if let (true, Some(rate), Some(flag)) =
        (decided, outcome.chain.scenario.relay, outcome.chain.scenario.flag)
    {
        expected.insert("sample_rate".to_owned(), rate.to_owned());
        expected.insert("sampled".to_owned(), flag.to_string());
    }
    equal("added behind the head's DSC", added, expected)?;
    consistent(arrived)
}

/// `sample_rand < sample_rate` exactly when sampled, if all three are known.
pub(crate) fn consistent(baggage: &str) -> Check {
    let dsc = dsc(Some(baggage))?;
    let number = |key| dsc.get(key).and_then(|value: &String| value.parse::<f64>().ok());
    match (number("sample_rand"), number("sample_rate"), dsc.get("sampled")) {
        (Some(rand), Some(rate), Some(sampled)) => equal(baggage, rand < rate, sampled == "true"),
        _ => Ok(()),
    }
}

fn members(outcome: &Outcome) -> Check {
    let Scenario { relay: rate, flag, .. } = *outcome.chain.scenario;
    let arrived = header(&outcome.got.headers, "baggage")?.unwrap_or_default();
    let mut dsc = dsc(Some(arrived))?;
    let rand = dsc.remove("sample_rand");
    equal("a sample_rand of six digits", rand.as_deref().map(is_six_digits), Some(true))?;
    let member = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut expected = Dsc::from([
        member("trace_id", &outcome.relayed.trace_id),
        member("public_key", PUBLIC_KEY),
        member("release", RELEASE),
        member("environment", ENVIRONMENT),
        member("org_id", "1"),
    ]);
    if let (Some(rate), Some(flag)) = (rate, flag) {
        expected.insert("sample_rate".to_owned(), rate.to_owned());
        expected.insert("sampled".to_owned(), flag.to_string());
        expected.insert("transaction".to_owned(), "GET /relay".to_owned());
    }
    equal("our DSC", dsc, expected)?;
    consistent(arrived)
}

/// The service's items for the trace: the message, and the segment if there is one.
fn reported(outcome: &Outcome, ingest: &Ingest) -> Result<Vec<Item>, String> {
    let mut all = items(outcome, ingest, true)?;
    all.extend(items(outcome, ingest, false)?);
    Ok(all)
}

/// If the envelopes don't show the incoming DSC: the members that the SDK would send, by value.
fn sends_on(outcome: &Outcome) -> Check {
    let arrived = dsc(header(&outcome.got.headers, "baggage")?)?;
    let baggage = outcome.got.trace_data.get("baggage").and_then(Option::as_deref);
    let mut sent_on = dsc(baggage)?;
    if !arrived.contains_key("sample_rate") {
        // The service adds the members of its own decision.
        sent_on.remove("sample_rate");
    }
    equal("the outgoing DSC", sent_on, arrived)
}

/// A DSC in the form that the SDK's envelopes have.
fn as_reported_by(app: &App, mut dsc: Dsc) -> Dsc {
    if app.sdk == Sdk::Java {
        // DIFFERENCE: its envelopes have no organization id, and it reads a raw `+` as a space.
        dsc.remove("org_id");
        dsc.values_mut().for_each(|value| *value = value.replace('+', " "));
    }
    numbers(dsc)
}

/// The service's reading of the DSC, where it differs from the incoming one.
fn understood(outcome: &Outcome, ingest: &Ingest) -> Check {
    let arrived = dsc(header(&outcome.got.headers, "baggage")?)?;
    let app = outcome.chain.service.as_ref().ok_or("there is no service")?;
    for item in reported(outcome, ingest)? {
        let mut understood = item.dsc.clone().unwrap_or_default();
        for key in ["sample_rand", "sample_rate", "sampled"] {
            // The service adds the members of its own decision.
            if !arrived.contains_key(key) {
                understood.remove(key);
            }
        }
        let expected = as_reported_by(app, arrived.clone());
        equal("in Sentry", as_reported_by(app, understood), expected)?;
    }
    Ok(())
}

/// JavaScript SDKs reprint a `sample_rand` without trailing zeros. Java's reprints it with 16
/// digits, and a rate of `1.0` as `1`.
fn numbers(mut dsc: Dsc) -> Dsc {
    for key in ["sample_rand", "sample_rate"] {
        if let Some(text) = dsc.get_mut(key) {
            if let Ok(number) = text.parse::<f64>() {
                *text = format!("{number:.12}");
            }
        }
    }
    dsc
}

/// Each envelope has the DSC that the SDK would send. The head's envelopes have the DSC that it
/// sent.
fn envelope(outcome: &Outcome, ingest: &Ingest) -> Check {
    let baggage = outcome.got.trace_data.get("baggage").and_then(Option::as_deref);
    let propagated = dsc(baggage)?;
    let app = outcome.chain.service.as_ref().ok_or("there is no service")?;
    for item in reported(outcome, ingest)? {
        let expected = as_reported_by(app, propagated.clone());
        equal("in Sentry", as_reported_by(app, item.dsc.unwrap_or_default()), expected)?;
    }
    let (Some(app), Some(report)) = (&outcome.chain.head, &outcome.head) else { return Ok(()) };
    let sent = outcome.passed.last().ok_or("nothing passed the tap")?;
    let sent = dsc(header(&sent.headers, "baggage")?)?;
    let head = Outcome::trace_of(report)?;
    for item in ingest.items(app.project, &head.trace_id, false) {
        let expected = as_reported_by(app, sent.clone());
        equal("the head's", as_reported_by(app, item.dsc.unwrap_or_default()), expected)?;
    }
    Ok(())
}

/// The DSC in each SDK's envelopes of a sampled trace, as measured.
pub(crate) fn envelopes(outcomes: &[Outcome], ingest: &Ingest) -> Vec<Probe> {
    let answers = |recorded, answer: fn(&Dsc, &Dsc) -> bool| {
        let of = |sdk| {
            let outcome = outcomes.iter().find(|outcome| {
                let Chain { head, service, scenario, .. } = &outcome.chain;
                let is = |app: &Option<Arc<App>>, sdk| app.as_ref().map(|app| app.sdk) == Some(sdk);
                is(head, Sdk::Node) && is(service, sdk) && scenario.flag == Some(true)
            })?;
            let arrived = dsc(header(&outcome.got.headers, "baggage").ok()?).ok()?;
            let item = items(outcome, ingest, recorded).ok()?.pop()?;
            Some(match item.dsc {
                Some(dsc) if answer(&arrived, &dsc) => "yes",
                Some(_) => "no",
                None => "it has no `trace`",
            })
        };
        Sdk::ALL.map(|sdk| of(sdk).unwrap_or("–").to_owned()).into()
    };
    vec![
        Probe {
            question: "a segment's envelope has the DSC that arrived in its `trace`",
            specified: "yes",
            answers: answers(true, |arrived, dsc| {
                arrived.get("public_key") == dsc.get("public_key")
            }),
        },
        Probe {
            question: "a message's envelope has it too",
            specified: "yes",
            answers: answers(false, |arrived, dsc| {
                arrived.get("public_key") == dsc.get("public_key")
            }),
        },
        Probe {
            question: "that `trace` has the `org_id`",
            specified: "yes",
            answers: answers(true, |arrived, dsc| arrived.get("org_id") == dsc.get("org_id")),
        },
    ]
}

/// The browser sent a preflight request and was allowed before it sent trace headers to another
/// origin.
fn preflight(outcome: &Outcome) -> Check {
    let [asked, sent] = &outcome.passed[..] else {
        return Err(format!("{} requests, expected 2", outcome.passed.len()));
    };
    equal("the methods", (&*asked.method, &*sent.method), ("OPTIONS", "GET"))?;
    let wanted = header(&asked.headers, "access-control-request-headers")?.unwrap_or_default();
    equal("the headers asked for", wanted, "baggage,sentry-trace")?;
    equal("allowed", (200..300).contains(&asked.status), true)?;
    equal("to any origin", header(&asked.answer, "access-control-allow-origin")?, Some("*"))?;
    let origin = header(&sent.headers, "origin")?.unwrap_or_default();
    equal("another origin", origin.is_empty(), false)
}
