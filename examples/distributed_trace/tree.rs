//! A trace as a tree of its spans.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sentry::SentryTrace;

use crate::color::Palette;
use crate::profile::CHAIN;
use crate::requests::{Expected, Request};
use crate::services::{Hop, Observed};

/// Columns for the branches, the service and the span's name.
const LABEL: usize = 36;
const BAR: usize = 24;

/// One line of the tree.
struct Node {
    service: String,
    name: String,
    kind: &'static str,
    id: Option<SpanId>,
    /// `None` for a span that was not recorded.
    timing: Option<(SystemTime, SystemTime)>,
    decision: &'static str,
    children: Vec<Node>,
}

/// The trace id and a line for each span, below the caller if the trace is continued.
pub(crate) fn tree(request: &Request, observed: &Observed, palette: Palette) -> String {
    let caller = match request.expected {
        Expected::Continued { .. } | Expected::Decided => request.incoming.as_ref(),
        Expected::New => None,
    };
    let mut nodes = if observed.spans.is_empty() {
        seen(&observed.hops).into_iter().collect()
    } else {
        roots(observed)
    };
    if let Some(incoming) = caller {
        nodes = vec![Node {
            service: request.caller.clone(),
            name: String::new(),
            kind: "caller",
            id: Some(incoming.span_id()),
            timing: None,
            decision: decision(incoming.sampled()),
            children: nodes,
        }];
    }

    let spans = || observed.spans.iter().map(|(_, span)| span);
    let begin = spans().map(|span| span.start_time).min();
    let end = spans().map(|span| span.end_time).max();
    let whole = begin.zip(end);
    let ids = observed.hops.iter().rev().find_map(sentry_trace);
    let trace_id = ids.map_or("none".to_owned(), |ids| ids.trace_id().to_string());
    let mut lines = format!("  trace {trace_id}\n");
    for node in &nodes {
        draw(node, "", None, whole, palette, &mut lines);
    }
    lines
}

/// The exported spans without an exported parent, each with its descendants.
fn roots(observed: &Observed) -> Vec<Node> {
    let exported = |id| {
        let mut spans = observed.spans.iter();
        spans.any(|(_, span)| span.span_context.span_id() == id)
    };
    nodes(observed, &|span| !exported(span.parent_span_id))
}

fn nodes(observed: &Observed, wanted: &dyn Fn(&SpanData) -> bool) -> Vec<Node> {
    let spans = observed.spans.iter();
    let mut spans: Vec<_> = spans.filter(|(_, span)| wanted(span)).collect();
    spans.sort_by_key(|(_, span)| span.start_time);
    let node = |(service, span): &(&str, SpanData)| {
        let id = span.span_context.span_id();
        Node {
            service: (*service).to_owned(),
            name: span.name.to_string(),
            kind: match span.span_kind {
                SpanKind::Client => "client",
                _ => "server",
            },
            id: Some(id),
            timing: Some((span.start_time, span.end_time)),
            decision: decision(Some(span.span_context.is_sampled())),
            children: nodes(observed, &|child| child.parent_span_id == id),
        }
    };
    spans.into_iter().map(node).collect()
}

/// A trace without exported spans, rebuilt from its headers. SERVER spans stay unknown; a CLIENT span
/// is known from the headers that the next service received.
fn seen(hops: &[Hop]) -> Option<Node> {
    let (hop, behind) = hops.split_first()?;
    let profile = CHAIN.iter().find(|profile| profile.name == hop.service)?;
    let next = behind.first().and_then(sentry_trace);
    let decided = next.as_ref().or(sentry_trace(hop).as_ref())?.sampled();
    let node = |name, kind, id, children| Node {
        service: hop.service.to_owned(),
        name,
        kind,
        id,
        timing: None,
        decision: decision(decided),
        children,
    };
    let call = next.zip(seen(behind)).map(|(sent, server)| {
        let name = server.name.clone();
        node(name, "client", Some(sent.span_id()), vec![server])
    });
    let name = format!("GET {}", profile.route);
    Some(node(name, "server", None, call.into_iter().collect()))
}

fn sentry_trace(hop: &Hop) -> Option<SentryTrace> {
    hop.sentry_trace.as_deref()?.parse().ok()
}

pub(crate) fn decision(sampled: Option<bool>) -> &'static str {
    match sampled {
        Some(true) => "sampled",
        Some(false) => "not sampled",
        None => "deferred",
    }
}

/// Draws a node and its descendants. `last` is `None` for a root, which has no branch.
fn draw(
    node: &Node,
    indent: &str,
    last: Option<bool>,
    whole: Option<(SystemTime, SystemTime)>,
    palette: Palette,
    lines: &mut String,
) {
    let (branch, below) = match last {
        None => ("", ""),
        Some(true) => ("└─ ", "   "),
        Some(false) => ("├─ ", "│  "),
    };
    let label = indent.chars().count() + branch.chars().count() + node.service.len();
    let id = node.id.map_or(String::new(), |id| id.to_string());
    let timing = match (node.timing, whole) {
        (Some(timing), Some(whole)) => bar(timing, whole),
        _ if node.kind == "caller" => String::new(),
        _ => "not recorded".to_owned(),
    };
    lines.push_str(&format!(
        "  {indent}{branch}{}  {:name$} {:6}  {:8.8}  {timing:bar$}  {}\n",
        palette.service(&node.service),
        node.name,
        node.kind,
        id,
        palette.decision(node.decision),
        name = LABEL.saturating_sub(label + 2),
        bar = BAR + 10,
    ));
    let indent = format!("{indent}{below}");
    for (index, child) in node.children.iter().enumerate() {
        let last = index + 1 == node.children.len();
        draw(child, &indent, Some(last), whole, palette, lines);
    }
}

/// When a span started within the trace, and how long it ran.
fn bar((start, end): (SystemTime, SystemTime), whole: (SystemTime, SystemTime)) -> String {
    let between = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
    let total = between(whole.0, whole.1).max(Duration::from_nanos(1));
    let cell = |at: SystemTime| {
        let share = between(whole.0, at).as_secs_f64() / total.as_secs_f64();
        (share * BAR as f64).round() as usize
    };
    let before = cell(start).min(BAR - 1);
    let length = cell(end).saturating_sub(before).max(1);
    let after = BAR.saturating_sub(before + length);
    format!(
        "{}{}{} {:6.1} ms",
        "·".repeat(before),
        "█".repeat(length),
        "·".repeat(after),
        between(start, end).as_secs_f64() * 1e3
    )
}
