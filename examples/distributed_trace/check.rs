//! Checks the trace of a request.

use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sentry::SentryTrace;

use crate::profile::{CHAIN, ORGANIZATION, PUBLIC_KEY};
use crate::requests::{sentry_members, Expected, Request};
use crate::services::{Hop, Observed};
use crate::tree::decision;

/// Everything that is wrong with the trace; empty if it is whole.
pub(crate) fn problems(request: &Request, observed: &Observed) -> Vec<String> {
    let mut problems = Vec::new();
    let reached: Vec<_> = observed.hops.iter().map(|hop| hop.service).collect();
    if !reached.iter().copied().eq(names()) {
        return vec![format!("the request passed {}", reached.join(", "))];
    }
    // The first hop received the headers of the caller. Ours start with the second.
    let sent = &observed.hops[1..];
    let mut traces = Vec::new();
    for hop in sent {
        match hop.sentry_trace.as_deref().map(str::parse::<SentryTrace>) {
            Some(Ok(trace)) => traces.push(trace),
            Some(Err(error)) => problems.push(format!("{}: {error}", hop.service)),
            None => problems.push(format!("{} saw no sentry-trace", hop.service)),
        }
    }
    if !problems.is_empty() {
        return problems;
    }

    let trace_id = traces[0].trace_id();
    problems.extend(one_trace_id(request, &traces, observed));
    problems.extend(one_decision(request, &traces, observed));
    problems.extend(one_chain(request, &traces, observed));
    problems.extend(one_sampling_context(request, sent, trace_id));
    problems
}

/// One trace id everywhere: the caller's if the trace is continued, else a new one.
fn one_trace_id(request: &Request, traces: &[SentryTrace], observed: &Observed) -> Vec<String> {
    let mut problems = Vec::new();
    let trace_id = traces[0].trace_id();
    if let Some(incoming) = &request.incoming {
        let continued = incoming.trace_id() == trace_id;
        if continued && request.expected == Expected::New {
            problems.push("another organization's trace was continued".to_owned());
        }
        if !continued && request.expected != Expected::New {
            problems.push(format!("the caller's trace {} became {trace_id}", incoming.trace_id()));
        }
    }
    for (trace, service) in traces.iter().zip(names().skip(1)) {
        if trace.trace_id() != trace_id {
            problems.push(format!("{service} saw trace {}", trace.trace_id()));
        }
    }
    for (service, span) in &observed.spans {
        if span.span_context.trace_id() != trace_id {
            problems.push(format!("{service}'s span {} is of another trace", span.name));
        }
    }
    problems
}

/// One decision everywhere. Spans are exported exactly if it is positive.
fn one_decision(request: &Request, traces: &[SentryTrace], observed: &Observed) -> Vec<String> {
    let mut problems = Vec::new();
    // If we decide, the storefront does. Its rate is 1.
    let expected = request.expected != Expected::Continued { sampled: false };
    for (trace, service) in traces.iter().zip(names().skip(1)) {
        if trace.sampled() != Some(expected) {
            problems.push(format!(
                "{service} saw the decision `{}`, expected `{}`",
                decision(trace.sampled()),
                decision(Some(expected))
            ));
        }
    }
    let spans = if expected { 2 * CHAIN.len() - 1 } else { 0 };
    if observed.spans.len() != spans {
        problems.push(format!("{} spans were exported, not {spans}", observed.spans.len()));
    }
    problems
}

/// Every span is the child of the one before it, across services too.
fn one_chain(request: &Request, traces: &[SentryTrace], observed: &Observed) -> Vec<String> {
    let caller = match (&request.incoming, request.expected) {
        (Some(incoming), Expected::Continued { .. } | Expected::Decided) => incoming.span_id(),
        _ => SpanId::INVALID,
    };
    let mut problems = Vec::new();

    let mut on_the_wire = vec![caller];
    for (trace, service) in traces.iter().zip(names().skip(1)) {
        if on_the_wire.contains(&trace.span_id()) {
            problems.push(format!("{service} saw span {} again", trace.span_id()));
        }
        on_the_wire.push(trace.span_id());
    }
    if observed.spans.is_empty() {
        return problems;
    }

    for (service, parent) in names().zip(&on_the_wire) {
        let Some(server) = span(observed, service, SpanKind::Server) else {
            problems.push(format!("{service} exported no server span"));
            continue;
        };
        if server.parent_span_id != *parent {
            problems.push(format!(
                "{service}'s server span has the parent {}, not {parent}",
                server.parent_span_id
            ));
        }
    }
    for (service, sent) in names().zip(&on_the_wire[1..]) {
        let server = span(observed, service, SpanKind::Server);
        let Some(client) = span(observed, service, SpanKind::Client) else {
            problems.push(format!("{service} exported no client span"));
            continue;
        };
        if Some(client.parent_span_id) != server.map(|server| server.span_context.span_id()) {
            problems.push(format!("{service}'s client span is not its server span's"));
        }
        if client.span_context.span_id() != *sent {
            problems.push(format!(
                "{service} sent the span {sent}, not its client span {}",
                client.span_context.span_id()
            ));
        }
    }
    problems
}

fn span<'a>(observed: &'a Observed, service: &str, kind: SpanKind) -> Option<&'a SpanData> {
    observed
        .spans
        .iter()
        .find(|(of, span)| *of == service && span.span_kind == kind)
        .map(|(_, span)| span)
}

fn names() -> impl Iterator<Item = &'static str> {
    CHAIN.iter().map(|profile| profile.name)
}

/// The dynamic sampling context (DSC) is the head's, and the same at every hop.
fn one_sampling_context(request: &Request, sent: &[Hop], trace_id: TraceId) -> Vec<String> {
    let members = |hop: &Hop| -> Vec<String> {
        let baggage = hop.baggage.as_deref().unwrap_or_default();
        let members = sentry_members(baggage).into_iter();
        members.map(str::to_owned).collect()
    };
    let incoming = request.dynamic_sampling_context();
    let first = members(&sent[0]);
    let right = match request.expected {
        Expected::Continued { .. } => first == incoming,
        Expected::Decided => is_decided(&first, &incoming),
        Expected::New => is_of_storefront(&first, trace_id),
    };

    let mut problems = Vec::new();
    if !right {
        let what = match request.expected {
            Expected::Continued { .. } => "the caller's",
            Expected::Decided => "the caller's with the storefront's decision",
            Expected::New => "the storefront's",
        };
        problems.push(format!("{} saw a sampling context that is not {what}", sent[0].service));
    }
    for hop in &sent[1..] {
        if members(hop) != first {
            problems.push(format!("{} saw another sampling context", hop.service));
        }
    }
    problems
}

/// The incoming DSC. Only the storefront's decision and the numbers behind it are added.
fn is_decided(sent: &[String], incoming: &[&str]) -> bool {
    let (kept, added): (Vec<_>, Vec<_>) =
        sent.iter().map(String::as_str).partition(|member| incoming.contains(member));
    let had_rand = incoming.iter().any(|member| is_sample_rand(member));
    kept == incoming
        && added.contains(&"sentry-sampled=true")
        && added.contains(&"sentry-sample_rate=1")
        && added.iter().any(|member| is_sample_rand(member)) != had_rand
        && added.len() == 3 - usize::from(had_rand)
}

/// The storefront's settings and its decision, and nothing else.
fn is_of_storefront(sent: &[String], trace_id: TraceId) -> bool {
    let storefront = &CHAIN[0];
    let mut expected = vec![
        format!("sentry-trace_id={trace_id}"),
        format!("sentry-public_key={PUBLIC_KEY}"),
        format!("sentry-org_id={ORGANIZATION}"),
        format!("sentry-release={}", storefront.release.replace('@', "%40")),
        format!("sentry-environment={}", storefront.environment),
        format!("sentry-transaction=GET%20{}", storefront.route.replace('/', "%2F")),
        format!("sentry-sample_rate={}", storefront.sample_rate),
        "sentry-sampled=true".to_owned(),
    ];
    let mut sent = sent.to_vec();
    let members = sent.len();
    sent.retain(|member| !is_sample_rand(member));
    let one_rand = members - sent.len() == 1;
    sent.sort();
    expected.sort();
    one_rand && sent == expected
}

fn is_sample_rand(member: &str) -> bool {
    member.starts_with("sentry-sample_rand=")
}
