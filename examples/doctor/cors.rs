//! What a browser makes of the answer.
//!
//! <https://fetch.spec.whatwg.org/#cors-preflight-fetch>

use crate::report::{Advice, Preflight};
use crate::request::{Answer, Request};
use crate::rows::{NAMES, NOT_TOLD, ORIGIN, STAR, STATUS};

const ORIGIN_HEADER: &str = "access-control-allow-origin";
const ASKED: &str = "access-control-request-headers";
const ALLOWED: &str = "access-control-allow-headers";
const CREDENTIALS: &str = "access-control-allow-credentials";

/// A page may send its request only after the answer to this one.
pub(crate) fn preflight(request: &Request) -> Option<Preflight> {
    let asks = request.has("access-control-request-method") || request.has(ASKED);
    let is_preflight = match request.method.as_deref() {
        Some(method) => method == "OPTIONS" && (asks || request.has("origin")),
        None => asks && !request.has_trace_headers(),
    };
    is_preflight.then(|| Preflight {
        origin: request.values("origin").next().map(str::to_owned),
        asks_for: asked(request),
        is_answered: request.answer.is_some(),
        is_allowed: request.answer.is_some() && problems(request, true).is_empty(),
    })
}

/// Why the browser does not send the page's request, or does not show the page its answer.
pub(crate) fn advice(request: &Request, is_preflight: bool) -> Vec<Advice> {
    let mut advice = problems(request, is_preflight);
    if is_preflight && asked(request).is_empty() {
        advice.push(NOT_TOLD.advice("the page does not ask for trace headers"));
    }
    if !is_preflight && is_cross_origin(request) && !request.has_trace_headers() {
        advice.push(NOT_TOLD.advice("a page of another origin sent no trace headers"));
    }
    advice
}

fn problems(request: &Request, is_preflight: bool) -> Vec<Advice> {
    let Some(answer) = &request.answer else { return Vec::new() };
    if let Some(status) = answer.status.filter(|s| is_preflight && !(200..300).contains(s)) {
        // The other headers are those of another layer.
        return vec![STATUS.advice(&format!("the answer's status is {status}"))];
    }
    let mut problems = Vec::new();
    let has_credentials = answer.values(CREDENTIALS).any(|value| value == "true");
    if let Some(origin) = request.values("origin").next().filter(|_| is_cross_origin(request)) {
        let mut allowed = answer.values(ORIGIN_HEADER);
        let is_right = |allowed: &str| allowed == origin || (allowed == "*" && !has_credentials);
        if !allowed.next().is_some_and(is_right) {
            problems.push(ORIGIN.advice(&format!("`{ORIGIN_HEADER}` is not the page's origin")));
        }
    }
    let allowed = list(answer, ALLOWED);
    let is_star = allowed.iter().any(|name| name == "*");
    let mut missing = asked(request);
    missing.retain(|name| !allowed.contains(name));
    if is_star && has_credentials && !missing.is_empty() {
        problems.push(STAR.advice(&format!("`{ALLOWED}` is `*`")));
    } else if !is_star && !missing.is_empty() {
        problems.push(NAMES.advice(&format!("`{ALLOWED}` lacks {}", missing.join(", "))));
    }
    problems
}

/// The trace headers that the page wants to send.
fn asked(request: &Request) -> Vec<String> {
    let mut asked = names(request.values(ASKED));
    asked.retain(|name| ["sentry-trace", "baggage", "traceparent"].contains(&name.as_str()));
    asked
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    names(answer.values(name))
}

fn names<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = values.flat_map(|list| list.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// Whether the request is a page's of another host or port. `Origin` stands on other requests too.
fn is_cross_origin(request: &Request) -> bool {
    let Some(origin) = request.values("origin").next() else { return false };
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    !request.values("host").any(|host| host.eq_ignore_ascii_case(authority))
}
