//! Each reason for continuing a trace or not, and that `extract` acts accordingly.
//!
//! Source of the organization rows: the strict trace continuation table in Sentry's trace
//! propagation specification.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;
use opentelemetry_sentry::{ContinueDecision, Sentry};

use common::{headers, sentry_trace, OTHER_TRACE_ID, SPAN_ID, TRACE_ID};

use ContinueDecision::*;

struct Row {
    ours: Option<&'static str>,
    strict: bool,
    /// The trace of the remote parent that another propagator found.
    parent: Option<&'static str>,
    prefer_traceparent: bool,
    sentry_trace: Option<&'static str>,
    baggage: &'static str,
    expected: ContinueDecision,
    sentence: &'static str,
}

const ROW: Row = Row {
    ours: None,
    strict: false,
    parent: None,
    prefer_traceparent: false,
    sentry_trace: Some("771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"),
    baggage: "",
    expected: NeitherOrganizationKnown,
    sentence: "continued: neither the caller's organization nor this service's is known",
};

const ONE: &str = "continued: only one of the two organizations is known, and \
                   strict_trace_continuation is off";
const NONE: &str = "no Sentry trace: there is no valid sentry-trace header";
const OTHER: &str =
    "no Sentry trace: no DSC names the trace of the parent that another propagator found";
const CALLER: &str = "new trace: the caller's organization is not known, and \
                      strict_trace_continuation is on";
const OWN: &str =
    "new trace: this service's organization is not known, and strict_trace_continuation is on";
const SAME: &str = "continued: the caller is of the same organization";
const FOREIGN: &str = "new trace: the caller is of another organization";

const THEIRS: &str = "sentry-org_id=1";
const NAMED: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-org_id=1";

const ROWS: &[Row] = &[
    ROW,
    Row { strict: true, ..ROW },
    Row { ours: Some("1"), baggage: THEIRS, expected: SameOrganization, sentence: SAME, ..ROW },
    Row {
        ours: Some("1"),
        strict: true,
        baggage: THEIRS,
        expected: SameOrganization,
        sentence: SAME,
        ..ROW
    },
    Row {
        ours: Some("1"),
        baggage: "sentry-org_id=%31",
        expected: SameOrganization,
        sentence: SAME,
        ..ROW
    },
    Row { ours: Some("2"), baggage: THEIRS, expected: OtherOrganization, sentence: FOREIGN, ..ROW },
    Row {
        ours: Some("2"),
        strict: true,
        baggage: THEIRS,
        expected: OtherOrganization,
        sentence: FOREIGN,
        ..ROW
    },
    Row { ours: Some("1"), expected: OneOrganizationKnown, sentence: ONE, ..ROW },
    Row { baggage: THEIRS, expected: OneOrganizationKnown, sentence: ONE, ..ROW },
    Row {
        ours: Some("1"),
        strict: true,
        expected: CallerOrganizationUnknown,
        sentence: CALLER,
        ..ROW
    },
    Row {
        ours: Some("1"),
        strict: true,
        baggage: "sentry-org_id=",
        expected: CallerOrganizationUnknown,
        sentence: CALLER,
        ..ROW
    },
    Row { strict: true, baggage: THEIRS, expected: OwnOrganizationUnknown, sentence: OWN, ..ROW },
    Row { sentry_trace: None, baggage: THEIRS, expected: NoTrace, sentence: NONE, ..ROW },
    Row { sentry_trace: Some("771a43a4"), expected: NoTrace, sentence: NONE, ..ROW },
    // Another propagator's parent, without sentry-trace or preferred to it.
    Row {
        sentry_trace: None,
        parent: Some(TRACE_ID),
        expected: NotASentryTrace,
        sentence: OTHER,
        ..ROW
    },
    Row {
        sentry_trace: None,
        parent: Some(OTHER_TRACE_ID),
        baggage: NAMED,
        expected: NotASentryTrace,
        sentence: OTHER,
        ..ROW
    },
    Row {
        prefer_traceparent: true,
        parent: Some(OTHER_TRACE_ID),
        expected: NotASentryTrace,
        sentence: OTHER,
        ..ROW
    },
    Row {
        sentry_trace: None,
        parent: Some(TRACE_ID),
        ours: Some("1"),
        baggage: NAMED,
        expected: SameOrganization,
        sentence: SAME,
        ..ROW
    },
    Row {
        sentry_trace: None,
        parent: Some(TRACE_ID),
        ours: Some("2"),
        baggage: NAMED,
        expected: OtherOrganization,
        sentence: FOREIGN,
        ..ROW
    },
    // sentry-trace's parent replaces another propagator's.
    Row { parent: Some(OTHER_TRACE_ID), ..ROW },
];

impl Row {
    fn check(&self) {
        let mut builder = Sentry::builder()
            .strict_trace_continuation(self.strict)
            .prefer_traceparent(self.prefer_traceparent);
        if let Some(ours) = self.ours {
            builder = builder.org_id(ours);
        }
        let propagator = builder.build().unwrap().propagator();
        let trace = self.sentry_trace.map(|value| ("sentry-trace", value));
        let baggage = Some(("baggage", self.baggage)).filter(|(_, list)| !list.is_empty());
        let carrier: HashMap<String, String> = headers(trace.into_iter().chain(baggage));
        let cx = self.parent.map_or_else(Context::new, parent_of);

        let decision = propagator.continue_decision(&cx, &carrier);
        let name = format!("{:?} {} {:?} {}", self.ours, self.strict, self.parent, self.baggage);
        assert_eq!(decision, self.expected, "{name}");
        assert_eq!(decision.to_string(), self.sentence, "{name}");

        let found = propagator.extract_with_context(&cx, &carrier);
        let span = found.span();
        let has_ours = span.span_context().trace_state().get("sentry").is_some();
        assert_eq!(has_ours, decision.is_continued(), "{name}");
        let is_refused = matches!(
            decision,
            OtherOrganization | CallerOrganizationUnknown | OwnOrganizationUnknown
        );
        assert!(!is_refused || !span.span_context().is_valid(), "{name}");
    }
}

fn parent_of(trace_id: &str) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_hex(trace_id).unwrap(),
        SpanId::from_hex(SPAN_ID).unwrap(),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    ))
}

#[test]
fn extract_follows_every_decision() {
    assert!(sentry_trace("-1").starts_with(TRACE_ID));
    for row in ROWS {
        row.check();
    }
}

#[test]
fn every_decision_has_a_row() {
    let all = [
        SameOrganization,
        NeitherOrganizationKnown,
        OneOrganizationKnown,
        OtherOrganization,
        CallerOrganizationUnknown,
        OwnOrganizationUnknown,
        NoTrace,
        NotASentryTrace,
    ];
    for decision in all {
        assert!(ROWS.iter().any(|row| row.expected == decision), "{decision:?}");
    }
}
