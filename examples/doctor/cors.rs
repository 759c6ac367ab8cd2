//! What a browser makes of the answer.
//!
//! <https://fetch.spec.whatwg.org/#cors-preflight-fetch>

use crate::report::{Advice, Preflight};
use crate::request::Request;
use crate::rows::{NAMES, NOT_TOLD, ORIGIN, OTHER_NAMES, STAR, STATUS};

const ORIGIN_HEADER: &str = "access-control-allow-origin";
const ASKED: &str = "access-control-request-headers";
const ALLOWED: &str = "access-control-allow-headers";
const METHOD: &str = "access-control-request-method";
const METHODS: &str = "access-control-allow-methods";
const NAMES_OF_TRACE: [&str; 3] = ["sentry-trace", "baggage", "traceparent"];
const CREDENTIALS: &str = "access-control-allow-credentials";

/// A page may send its request only after the answer to this one.
pub(crate) fn preflight(request: &Request) -> Option<Preflight> {
    let asks = request.has(METHOD) || request.has(ASKED);
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
    let allowed = names(answer.values(ALLOWED));
    let is_star = allowed.iter().any(|name| name == "*") && !has_credentials;
    // A star never stands for this one.
    let is_allowed = |name: &String| allowed.contains(name) || (is_star && name != "authorization");
    let (trace, other): (Vec<String>, Vec<String>) = names(request.values(ASKED))
        .into_iter()
        .filter(|name| !name.is_empty() && !is_allowed(name))
        .partition(|name| NAMES_OF_TRACE.contains(&name.as_str()));
    if !trace.is_empty() && allowed.iter().any(|name| name == "*") {
        problems.push(STAR.advice(&format!("`{ALLOWED}` is `*`")));
    } else if !trace.is_empty() {
        problems.push(NAMES.advice(&format!("`{ALLOWED}` lacks {}", trace.join(", "))));
    }
    if !other.is_empty() {
        problems.push(OTHER_NAMES.advice(&format!("`{ALLOWED}` lacks {}", other.join(", "))));
    }
    let methods = names(answer.values(METHODS));
    let is_method = |method: &&str| {
        let method = method.to_ascii_lowercase();
        ["get", "head", "post"].contains(&method.as_str())
            || methods.iter().any(|m| *m == method || (m == "*" && !has_credentials))
    };
    if let Some(method) = request.values(METHOD).find(|method| !is_method(method)) {
        problems.push(OTHER_NAMES.advice(&format!("`{METHODS}` lacks {method}")));
    }
    problems
}

/// The trace headers that the page wants to send.
fn asked(request: &Request) -> Vec<String> {
    let mut asked = names(request.values(ASKED));
    asked.retain(|name| NAMES_OF_TRACE.contains(&name.as_str()));
    asked
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
