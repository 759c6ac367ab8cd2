//! The report on one request: what is expected, the tree, the headers at every hop, the result.

use opentelemetry_sentry::{BAGGAGE_HEADER, SENTRY_TRACE_HEADER};

use crate::color::Palette;
use crate::profile::CHAIN;
use crate::requests::{Expected, Request};
use crate::services::{Hop, Observed};
use crate::tree;

/// Columns of the page.
const LINE: usize = 100;
const SERVICE: usize = 12;
const HEADER_NAME: usize = 14;

/// Introduces the services and how each would decide.
pub(crate) fn introduction(palette: Palette) -> String {
    let shows = "Shows: three services in one trace, called as real Sentry SDKs call";
    let mut lines = format!("{}\n\n", palette.bold(shows));
    for (index, profile) in CHAIN.iter().enumerate() {
        let name = format!("{:SERVICE$}", profile.name);
        lines += &format!(
            "{} {} GET {:10} release {:18} environment {:14} traces_sample_rate {}\n",
            if index == 0 { "  " } else { "->" },
            palette.service(&name),
            profile.route,
            profile.release,
            profile.environment,
            profile.sample_rate,
        );
    }
    lines + "\n\n"
}

/// The report on one request.
pub(crate) fn page(
    number: &str,
    request: &Request,
    observed: &Observed,
    problems: &[String],
    palette: Palette,
) -> String {
    let title = palette.bold(&format!("{number}  {}", request.caller));
    let mut page = format!("{title}: {}\n", request.about);
    page += &format!("  expected: {}\n\n", expectation(request));
    page += &tree::tree(request, observed, palette);
    page += "\n";
    page += &headers(&observed.hops, palette);
    page += "\n";
    if problems.is_empty() {
        let whole = "whole: trace id, parents, decision and sampling context hold at every hop";
        page += &format!("  {}\n", palette.good(whole));
    }
    for problem in problems {
        page += &format!("  {}\n", palette.bad(&format!("broken: {problem}")));
    }
    page += "\n\n";
    page
}

fn expectation(request: &Request) -> &'static str {
    match request.expected {
        Expected::Continued { sampled: true } => "the caller's trace goes on, sampled",
        Expected::Continued { sampled: false } => {
            "the caller's trace goes on, not sampled: no span is exported"
        }
        Expected::Decided => {
            "the caller's trace goes on; the caller left the decision open, the storefront takes it"
        }
        Expected::New if request.incoming.is_some() => {
            "a new trace: the caller belongs to another organization"
        }
        Expected::New => "a new trace, with the storefront as its head",
    }
}

/// The headers that each service received.
fn headers(hops: &[Hop], palette: Palette) -> String {
    let mut lines = "  headers seen\n".to_owned();
    let mut before = None;
    for hop in hops {
        let sentry_trace = hop.sentry_trace.as_deref().unwrap_or("none");
        let baggage = match (before, hop.baggage.as_deref()) {
            (_, None) => "none".to_owned(),
            (Some(before), Some(baggage)) if before == baggage => {
                format!("the same {} bytes", baggage.len())
            }
            (Some(before), Some(baggage)) if added(before, baggage).is_some() => {
                let added = added(before, baggage).unwrap_or_default();
                wrap(&format!("the same {} bytes, then {added}", before.len()))
            }
            (_, Some(baggage)) => wrap(baggage),
        };
        lines += &format!(
            "  {}{SENTRY_TRACE_HEADER:HEADER_NAME$}{sentry_trace}\n  {:SERVICE$}{BAGGAGE_HEADER:HEADER_NAME$}{baggage}\n",
            palette.service(&format!("{:SERVICE$}", hop.service)),
            "",
        );
        before = hop.baggage.as_deref();
    }
    lines
}

/// The text after `before` in `baggage`.
fn added<'a>(before: &str, baggage: &'a str) -> Option<&'a str> {
    baggage.strip_prefix(before)?.strip_prefix(',')
}

/// Breaks a list after commas.
fn wrap(list: &str) -> String {
    let indent = 2 + SERVICE + HEADER_NAME;
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
