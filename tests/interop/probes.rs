//! How each SDK treats our headers: measured for the table, not checked.

use std::sync::Arc;

use crate::apps::{App, Apps, Report, Settings};
use crate::ids::TRACE_ID;
use crate::ingest::Ingest;
use crate::sdk::Sdk;
use crate::wire::{dsc, header, Headers, SentryTrace};

const OTHER_ID: &str = "0123456789abcdef0123456789abcdef";
const DSC: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-public_key=head,\
    sentry-sample_rand=0.250000,sentry-sample_rate=0.5,sentry-sampled=true";

/// The question, the specified answer, and the answer of each SDK in `Sdk::ALL`.
pub(crate) struct Probe {
    pub(crate) question: &'static str,
    pub(crate) specified: &'static str,
    pub(crate) answers: Vec<String>,
}

/// The question, and the answer of each stock service in `Stock::ALL`.
pub(crate) struct Measured {
    pub(crate) question: &'static str,
    pub(crate) answers: Vec<String>,
}

struct Question {
    question: &'static str,
    specified: &'static str,
    /// The service's own rate.
    rate: Option<u8>,
    headers: fn() -> Vec<(&'static str, String)>,
    answer: fn(&Headers) -> Result<String, String>,
}

fn sentry_trace(flag: &str) -> (&'static str, String) {
    ("sentry-trace", format!("{TRACE_ID}-7f7b6d4f9fd94d2a{flag}"))
}

fn flag(headers: &Headers) -> Result<String, String> {
    Ok(match SentryTrace::of(headers)?.sampled {
        Some(true) => "`-1`".to_owned(),
        Some(false) => "`-0`".to_owned(),
        None => "no flag".to_owned(),
    })
}

fn continued(headers: &Headers) -> Result<String, String> {
    let sent = header(headers, "sentry-trace")?.unwrap_or_default();
    let same = sent.get(..TRACE_ID.len()).unwrap_or_default();
    Ok(match same.eq_ignore_ascii_case(TRACE_ID) {
        true if same != TRACE_ID => "yes, and sent in upper case",
        true => "yes",
        false => "no",
    }
    .to_owned())
}

/// The outgoing form of the one member.
fn member(headers: &Headers, key: &str) -> Result<String, String> {
    let baggage = header(headers, "baggage")?.unwrap_or_default();
    let member = baggage
        .split(',')
        .find(|member| member.trim().split_once('=').is_some_and(|(name, _)| name == key));
    Ok(member.map_or_else(|| "gone".to_owned(), |member| format!("`{}`", member.trim())))
}

static QUESTIONS: [Question; 9] = [
    Question {
        question: "`sentry-release=a%2fb%2Bc!d` is forwarded as",
        specified: "unchanged",
        rate: Some(1),
        headers: || {
            vec![sentry_trace("-1"), ("baggage", format!("{DSC},sentry-release=a%2fb%2Bc!d"))]
        },
        answer: |headers| member(headers, "sentry-release"),
    },
    Question {
        question: "`sentry-sample_rand=0.250000` is forwarded as",
        specified: "unchanged",
        rate: Some(1),
        headers: || vec![sentry_trace("-1"), ("baggage", DSC.to_owned())],
        answer: |headers| member(headers, "sentry-sample_rand"),
    },
    Question {
        question: "`sentry-a-b=1`, an unknown key, is forwarded as",
        specified: "unchanged",
        rate: Some(1),
        headers: || vec![sentry_trace("-1"), ("baggage", format!("{DSC},sentry-a-b=1"))],
        answer: |headers| member(headers, "sentry-a-b"),
    },
    Question {
        question: "`vendor=1`, another party's, is forwarded as",
        specified: "gone",
        rate: Some(1),
        headers: || vec![sentry_trace("-1"), ("baggage", format!("vendor=1,{DSC}"))],
        answer: |headers| member(headers, "vendor"),
    },
    Question {
        question: "`sentry-trace` alone: the outgoing DSC has",
        specified: "nothing",
        rate: Some(1),
        headers: || vec![sentry_trace("-1")],
        answer: |headers| {
            let dsc = dsc(header(headers, "baggage")?)?;
            let keys: Vec<String> = dsc.keys().map(|key| format!("`{key}`")).collect();
            Ok(if keys.is_empty() { "nothing".to_owned() } else { keys.join(" ") })
        },
    },
    Question {
        question: "a DSC of another trace: its `trace_id` is forwarded",
        specified: "–",
        rate: Some(1),
        headers: || vec![sentry_trace("-1"), ("baggage", DSC.replace(TRACE_ID, OTHER_ID))],
        answer: |headers| {
            let dsc = dsc(header(headers, "baggage")?)?;
            let same = dsc.get("trace_id").map(|id| id == OTHER_ID);
            Ok(if same == Some(true) { "yes" } else { "no" }.to_owned())
        },
    },
    Question {
        question: "a DSC without `sentry-trace` is continued",
        specified: "no",
        rate: Some(1),
        headers: || vec![("baggage", DSC.to_owned())],
        answer: continued,
    },
    Question {
        question: "an upper-case `sentry-trace` is continued",
        specified: "–",
        rate: Some(1),
        headers: || vec![("sentry-trace", sentry_trace("-1").1.to_uppercase())],
        answer: continued,
    },
    Question {
        question: "without tracing, `-1` is forwarded as",
        specified: "`-1`",
        rate: None,
        headers: || vec![sentry_trace("-1"), ("baggage", DSC.to_owned())],
        answer: flag,
    },
];

/// Sends every question to every SDK.
pub(crate) async fn run(apps: &mut Apps, ingest: &Ingest) -> Vec<Probe> {
    let mut probes = Vec::new();
    for question in &QUESTIONS {
        let mut answers = Vec::new();
        for sdk in Sdk::ALL {
            let app = apps.app(sdk, Settings::rate(question.rate));
            let answer = ask(&app, &ingest.echo, question).await;
            answers.push(answer.unwrap_or_else(|error| panic!("{}: {error}", sdk.name())));
        }
        let Question { question, specified, .. } = *question;
        probes.push(Probe { question, specified, answers });
    }
    probes
}

async fn ask(app: &Arc<App>, echo: &str, question: &Question) -> Result<String, String> {
    let mut request = crate::client().get(app.url(Some(echo)));
    for (name, value) in (question.headers)() {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| error.to_string())?;
    let report: Report = response.json().await.map_err(|error| error.to_string())?;
    let sent: Report = serde_json::from_value(report.answer).map_err(|error| error.to_string())?;
    (question.answer)(&sent.headers)
}
