//! What to do, in the words of `docs/troubleshooting.md`.

use crate::arguments::{Arguments, Propagator};
use crate::cors;
use crate::explain::is_target;
use crate::report::{Advice, Report};
use crate::rows::{
    Row, CALLER_UNKNOWN, CAME_WITHOUT, HEAD_DECIDED, INVALID, NOT_SENT, NO_DSN, NO_RATE, NO_TARGET,
    OTHER_ORGANIZATION, OTHER_TRACE, SENTRY_ITSELF, SERVICE_UNKNOWN, TRACEPARENT_DECIDED,
    TRACEPARENT_NOT_READ, TWO_HEADERS, TWO_TRACES_NAMED, UNDECIDED,
};
use crate::sampling::{Decided, Source};

impl Row {
    pub(crate) fn advice(&self, seen: &str) -> Advice {
        Advice { symptom: self.symptom, seen: seen.to_owned(), why: self.why, what: self.what }
    }
}

/// A request that a browser does not let through comes first: nothing else matters before.
pub(crate) fn advise(report: &Report, source: &Source, arguments: &Arguments) -> Vec<Advice> {
    let mut all = cors::advice(&arguments.request, report.preflight.is_some());
    if report.preflight.is_some() {
        return all;
    }
    let is_told_of_cors = !all.is_empty();
    all.extend(continuation(report, source, arguments, is_told_of_cors));
    all.extend(sampling(source, arguments));
    all.extend(baggage(report, source, arguments));
    // What W3C's propagator writes goes out in every case.
    if !report.outgoing.iter().any(|(name, _)| name == "sentry-trace") {
        let row = if is_target(arguments) { SENTRY_ITSELF } else { NO_TARGET };
        all.push(row.advice("no `sentry-trace` goes out"));
    }
    all
}

fn continuation(
    report: &Report,
    source: &Source,
    arguments: &Arguments,
    is_told_of_cors: bool,
) -> Vec<Advice> {
    let mut all = Vec::new();
    let lines = || report.headers.iter().filter(|header| header.name == "sentry-trace");
    let elements: usize = lines().map(|header| header.value.split(',').count()).sum();
    if elements > 1 {
        all.push(TWO_HEADERS.advice(&format!("{} `sentry-trace` arrived", count(elements))));
    }
    let is_invalid = elements > 0 && lines().all(|header| !header.faults.is_empty());
    if is_invalid {
        all.push(INVALID.advice("a `sentry-trace` arrived that is not read"));
    }
    let rule = report.decision.as_ref().map_or("", |decision| decision.rule.as_str());
    match (source, rule) {
        (Source::Refused, "OtherOrganization") => {
            all.push(OTHER_ORGANIZATION.advice("the trace is refused"));
        }
        (Source::Refused, "OwnOrganizationUnknown") => {
            all.push(SERVICE_UNKNOWN.advice("the trace is refused"));
        }
        // The one rule that is left.
        (Source::Refused, _) => all.push(CALLER_UNKNOWN.advice("the trace is refused")),
        // Nothing else explains it.
        (Source::Nothing, _) if is_invalid => {}
        (Source::Nothing, _) if arguments.request.has("traceparent") => {
            if arguments.propagator == Propagator::Sentry {
                all.push(TRACEPARENT_NOT_READ.advice("`traceparent` arrived alone"));
            } else {
                all.push(
                    NOT_SENT.advice("no `sentry-trace` arrived, and `traceparent` is not valid"),
                );
            }
        }
        (Source::Nothing, _) if !is_told_of_cors => {
            all.push(NOT_SENT.advice("no `sentry-trace` arrived"));
        }
        _ => {}
    }
    if source.is_of_two_traces() {
        all.push(TWO_TRACES_NAMED.advice("`sentry-trace` and `traceparent` name two traces"));
    }
    all
}

fn count(number: usize) -> String {
    if number == 2 {
        "two".to_owned()
    } else {
        number.to_string()
    }
}

fn sampling(source: &Source, arguments: &Arguments) -> Option<Advice> {
    let has_rate = arguments.rate.is_some();
    Some(match source.decided()? {
        Decided::SentryTrace(false) => HEAD_DECIDED.advice("`-0` arrived"),
        Decided::Traceparent(false) => TRACEPARENT_DECIDED.advice("`traceparent` ends in `-00`"),
        Decided::SentryTrace(true) if !has_rate => NO_RATE.advice("`-1` arrived, no rate is set"),
        Decided::Traceparent(true) if !has_rate => {
            NO_RATE.advice("a sampled trace arrived, no rate is set")
        }
        Decided::Nobody if !has_rate => UNDECIDED.advice("the trace is undecided"),
        _ => return None,
    })
}

fn baggage(report: &Report, source: &Source, arguments: &Arguments) -> Option<Advice> {
    let has_no_dsn = arguments.dsn.is_none();
    if report.dsc.iter().any(|member| member.note.is_some()) {
        return Some(OTHER_TRACE.advice("the DSC names another trace"));
    }
    match source {
        Source::SentryTrace { .. } if report.dsc.is_empty() => {
            Some(CAME_WITHOUT.advice("`sentry-trace` arrived without `sentry-*` in `baggage`"))
        }
        Source::SentryTrace { .. } => None,
        Source::Traceparent { .. } if has_no_dsn && report.dsc.is_empty() => {
            Some(NO_DSN.advice("the trace came by `traceparent` alone"))
        }
        Source::Traceparent { .. } => None,
        Source::Refused | Source::Nothing if has_no_dsn => {
            Some(NO_DSN.advice("the trace starts here"))
        }
        Source::Refused | Source::Nothing => None,
    }
}
