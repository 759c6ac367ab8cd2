//! One request as a page to read: the headers of each hop, and what they say.

use std::io::IsTerminal;

use opentelemetry_sentry::{BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER};

use crate::services::{Hop, Kind, Observed, CHAIN};
use crate::Request;

/// Columns of the page.
const LINE: usize = 100;
const NAME: usize = 14;

/// Colors, where a person looks at them.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    enabled: bool,
}

impl Paint {
    /// Only on a terminal, and not if `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of_stdout() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { enabled: std::io::stdout().is_terminal() && !no_color }
    }

    pub(crate) fn verdict(self, good: bool, text: &str) -> String {
        self.with(if good { "32" } else { "31" }, text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self.enabled {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// Introduces the services.
pub(crate) fn introduction(paint: Paint) -> String {
    let mut lines = String::new();
    for (index, profile) in CHAIN.iter().enumerate() {
        let arrow = if index == 0 { "  " } else { "->" };
        let name = paint.with("36", &format!("{:11}", profile.name));
        let what = match profile.kind {
            Kind::Sentry { release, sample_rate } => {
                format!("Sentry beside W3C   release {release:20} traces_sample_rate {sample_rate}")
            }
            Kind::OpenTelemetry => {
                "OpenTelemetry only  TraceContextPropagator, BaggagePropagator".to_owned()
            }
        };
        lines += &format!("{arrow} {name} GET {:6} {what}\n", profile.route);
    }
    lines + "\n\n"
}

/// The report on one request.
pub(crate) fn page(
    number: &str,
    request: &Request,
    observed: &Observed,
    problems: &[String],
    paint: Paint,
) -> String {
    let title = paint.with("1", &format!("{number}  {}", request.caller));
    let mut page = format!("{title} {}\n\n", request.about);
    let mut from = request.caller;
    let trace_id = observed.hops.iter().rev().find_map(|hop| hop.header(SENTRY_TRACE_HEADER));
    let trace_id = trace_id.and_then(|header| header.split('-').next()).unwrap_or_default();
    for hop in &observed.hops {
        page += &format!("  {} -> {}\n", paint.with("36", from), paint.with("36", hop.to));
        let headers = headers(hop);
        page += &match trace_id {
            "" => headers,
            id => headers.replace(id, &paint.with("33", id)),
        };
        page += "\n";
        from = hop.to;
    }
    page += &sampling_context(observed);
    if problems.is_empty() {
        let whole = "whole: trace, decision, spans, baggage and sampling context hold at every hop";
        page += &format!("  {}\n", paint.verdict(true, whole));
    }
    for problem in problems {
        page += &format!("  {}\n", paint.verdict(false, &format!("broken: {problem}")));
    }
    page + "\n\n"
}

/// The trace headers.
fn headers(hop: &Hop) -> String {
    let mut lines = String::new();
    for name in [SENTRY_TRACE_HEADER, TRACEPARENT_HEADER, "tracestate", BAGGAGE_HEADER] {
        let value = hop.header(name).unwrap_or("-");
        lines += &format!("    {name:NAME$}{}\n", wrap(value));
    }
    lines
}

/// Breaks a list after commas.
fn wrap(list: &str) -> String {
    let indent = 4 + NAME;
    let mut text = String::new();
    let mut column = indent;
    for member in list.split_inclusive(',') {
        if column > indent && column + member.len() > LINE {
            text += &format!("\n{:indent$}", "");
            column = indent;
        }
        text += member;
        column += member.len();
    }
    text
}

/// What happened to the sampling context between the first service and the last.
fn sampling_context(observed: &Observed) -> String {
    let [_, first, .., last] = observed.hops.as_slice() else {
        return String::new();
    };
    let (sent, passed_on) = (first.sampling_context(), last.sampling_context());
    let mut lines = format!(
        "  sampling context: {} members sent by {}, {} passed on by {}\n",
        sent.len(),
        CHAIN[0].name,
        passed_on.len(),
        CHAIN[CHAIN.len() - 1].name
    );
    for (key, bytes) in sent.iter() {
        let now = passed_on.iter().find(|(other, _)| *other == key).map(|(_, bytes)| bytes);
        if now != Some(bytes) {
            let same = passed_on.get(key) == sent.get(key);
            let what = if same { "the same text" } else { "another text" };
            lines += &format!("    {key}: {bytes} became {}, {what}\n", now.unwrap_or("nothing"));
        }
    }
    lines
}
