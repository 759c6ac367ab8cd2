//! `WrappedPropagator::continue_decision(&cx, &extractor)` agrees with its extract.
#![cfg(feature = "sdk")]

#[path = "../composition/lists.rs"]
mod lists;

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::ContinueDecision::{self, *};
use opentelemetry_sentry::{Sentry, SentryBuilder};

use lists::{baggage, list, w3c};

const TRACE: &str = "771a43a4192642f0b136d5159a501700";
const OTHER: &str = "12312012123120121231201212312012";
const SPAN: &str = "7dd6b3a1fb4d9c2a";

fn ours(org_id: Option<&str>, strict: bool) -> SentryBuilder {
    let builder = Sentry::builder().strict_trace_continuation(strict);
    match org_id {
        Some(org_id) => builder.org_id(org_id),
        None => builder,
    }
}

/// `sentry-trace` is valid, of another trace, malformed, or absent. `traceparent` is of the trace
/// or absent.
fn request(trace: Option<&str>, parent: Option<&str>, list: &str) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    let mut set = |name: &str, value: String| headers.insert(name.to_owned(), value);
    if let Some(trace) = trace {
        set("sentry-trace", format!("{trace}-{SPAN}-1"));
    }
    if let Some(parent) = parent {
        set("traceparent", format!("00-{parent}-{SPAN}-01"));
    }
    if !list.is_empty() {
        set("baggage", list.to_owned());
    }
    headers
}

/// Name; own organization, strict, `prefer_traceparent`; `sentry-trace`'s and `traceparent`'s
/// trace, `baggage`; the decision, and the continued trace.
type Row<'a> = (
    &'a str,
    (Option<&'a str>, bool, bool),
    (Option<&'a str>, Option<&'a str>, &'a str),
    ContinueDecision,
    Option<&'a str>,
);

const ONE: &str = "sentry-org_id=1";
const NAMED: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-org_id=1";

#[test]
fn it_agrees_with_extract() {
    let (t, o) = (Some(TRACE), Some(OTHER));
    let (n, s) = ((None, false, false), (Some("1"), true, false));
    let rows: [Row<'_>; 18] = [
        ("nothing", n, (None, None, ""), NoTrace, None),
        ("a DSC alone", n, (None, None, NAMED), NoTrace, None),
        ("sentry-trace", n, (t, None, ""), NeitherOrganizationKnown, t),
        ("both", n, (t, t, ""), NeitherOrganizationKnown, t),
        ("both, another trace", n, (t, o, ""), NeitherOrganizationKnown, t),
        ("the same organization", s, (t, t, ONE), SameOrganization, t),
        ("another one", (Some("2"), false, false), (t, t, ONE), OtherOrganization, None),
        (
            "another one, another trace",
            (Some("2"), false, false),
            (t, o, ONE),
            OtherOrganization,
            None,
        ),
        ("only theirs is known", n, (t, t, ONE), OneOrganizationKnown, t),
        ("only ours is known", (Some("1"), false, false), (t, t, ""), OneOrganizationKnown, t),
        ("only ours is known, strict", s, (t, t, ""), CallerOrganizationUnknown, None),
        (
            "only theirs is known, strict",
            (None, true, false),
            (t, t, ONE),
            OwnOrganizationUnknown,
            None,
        ),
        ("traceparent alone", s, (None, t, ""), NotASentryTrace, t),
        ("and another trace's DSC", s, (None, o, NAMED), NotASentryTrace, o),
        ("and its DSC", s, (None, t, NAMED), SameOrganization, t),
        (
            "and its DSC, another organization",
            (Some("2"), false, false),
            (None, t, NAMED),
            OtherOrganization,
            None,
        ),
        ("and a DSC without an id", s, (None, t, ONE), NotASentryTrace, t),
        ("another trace, preferred", (None, false, true), (t, o, ""), NotASentryTrace, o),
    ];
    for (name, (org_id, strict, prefers), (trace, parent, list), expected, goes_on) in rows {
        let sentry = ours(org_id, strict).prefer_traceparent(prefers).build().expect("settings");
        let incoming = request(trace, parent, list);
        let both = sentry.propagator().wrap(self::list([w3c(), baggage()]));
        let w3c = sentry.propagator().wrap(TraceContextPropagator::new());
        for cx in [Context::new(), Context::new().with_telemetry_suppressed()] {
            assert_eq!(w3c.continue_decision(&cx, &incoming), expected, "{name}");
            let decision = both.continue_decision(&cx, &incoming);
            assert_eq!(decision, expected, "{name}");
            let after = both.extract_with_context(&cx, &incoming);
            let span = after.span().span_context().clone();
            let found = span.is_valid().then(|| span.trace_id().to_string());
            assert_eq!(found.as_deref(), goes_on, "{name}");
            if decision.is_continued() {
                assert!(found.is_some(), "{name}");
            }
        }
    }
}

/// An earlier remote parent does not belong to this request.
#[test]
fn an_earlier_parent_is_ignored() {
    let sentry = ours(Some("1"), true).build().expect("settings");
    let wrapped = sentry.propagator().wrap(TraceContextPropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &request(None, Some(TRACE), ""));
    assert!(cx.span().span_context().is_valid());
    assert_eq!(wrapped.continue_decision(&cx, &request(None, None, NAMED)), NoTrace);
}

/// Members on all lines count.
#[test]
fn all_lines_are_read() {
    let mut lines = http::HeaderMap::new();
    for (name, value) in [
        ("traceparent", format!("00-{TRACE}-{SPAN}-01")),
        ("baggage", "tenant=7".to_owned()),
        ("baggage", NAMED.to_owned()),
    ] {
        lines.append(name, http::HeaderValue::from_str(&value).expect("a value"));
    }
    let sentry = ours(Some("2"), false).build().expect("settings");
    let wrapped = sentry.propagator().wrap(list([w3c(), baggage()]));
    let extractor = opentelemetry_http::HeaderExtractor(&lines);
    assert_eq!(wrapped.continue_decision(&Context::new(), &extractor), OtherOrganization);
}
