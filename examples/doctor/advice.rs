//! What to do, by the symptoms of `docs/troubleshooting.md`.

use crate::arguments::Arguments;
use crate::explain::is_target;
use crate::report::{Advice, Report};

pub(crate) const TWO_TRACES: &str = "Two traces instead of one";
pub(crate) const NOT_SAMPLED: &str = "Child not sampled";
pub(crate) const NO_BAGGAGE: &str = "Baggage missing";
pub(crate) const DEFERRED: &str = "Deferred never recorded";
pub(crate) const CORS: &str = "CORS error";
pub(crate) const NOTHING_SENT: &str = "Nothing sent";

pub(crate) fn advise(report: &Report, arguments: &Arguments) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut say = |symptom, advice: &str| all.push(Advice { symptom, advice: advice.to_owned() });
    let has = |name| report.headers.iter().any(|header| header.name == name);
    let trace_headers = || report.headers.iter().filter(|header| header.name == "sentry-trace");
    let is_faulty = trace_headers().all(|header| !header.faults.is_empty());

    match report.decision.rule.as_str() {
        "NoTrace" | "NotASentryTrace" if has("sentry-trace") && is_faulty => {
            say(TWO_TRACES, "sentry-trace is not valid: mend the sender");
        }
        "NoTrace" | "NotASentryTrace" => say(
            TWO_TRACES,
            "no sentry-trace came: name this service in the caller's trace propagation targets",
        ),
        "OtherOrganization" => {
            say(TWO_TRACES, "two organizations never share a trace: compare DSN and org_id of both")
        }
        "CallerOrganizationUnknown" | "OwnOrganizationUnknown" => say(
            TWO_TRACES,
            "strict_trace_continuation wants both organizations: set org_id, or a DSN with one",
        ),
        _ => {}
    }
    if report.decision.continued {
        match report.sampling.arrived {
            Some(false) => say(NOT_SAMPLED, "the head decided against it: raise the head's rate"),
            Some(true) if arguments.rate.is_none() => {
                say(NOT_SAMPLED, "set a rate here: with 0.0 the decisions of others hold")
            }
            None if arguments.rate.is_none() => {
                say(DEFERRED, "the trace is undecided: set a rate here, or at the head")
            }
            _ => {}
        }
        if report.dsc.is_empty() {
            say(NO_BAGGAGE, "sentry-trace came without sentry-* in baggage: mend the head, or the hop that dropped it");
        }
        if report.dsc.iter().any(|member| member.note.is_some()) {
            say(
                NO_BAGGAGE,
                "the DSC is another trace's, so it is not used: a service mixes two requests",
            );
        }
    } else if arguments.dsn.is_none() {
        say(NO_BAGGAGE, "a trace that starts here sends no DSC without a DSN");
    }
    if report.outgoing.is_empty() && !is_target(arguments) {
        say(NOTHING_SENT, "the URL matches no trace propagation target");
    } else if report.outgoing.is_empty() {
        say(NOTHING_SENT, "the request may not carry trace headers: the URL is Sentry's own");
    }
    for name in unanswered(arguments) {
        say(
            CORS,
            &format!("the answer does not allow `{name}`: add it to access-control-allow-headers"),
        );
    }
    all
}

/// Trace headers that a preflight asks for and its answer does not allow.
fn unanswered(arguments: &Arguments) -> Vec<&'static str> {
    let names = |header: &str| -> Vec<String> {
        let values = arguments.request.values(header).flat_map(|list| list.split(','));
        values.map(|name| name.trim().to_ascii_lowercase()).collect()
    };
    let asked = names("access-control-request-headers");
    let allowed = names("access-control-allow-headers");
    let is_allowed = |name: &str| allowed.iter().any(|a| a == name || a == "*");
    let trace_headers = ["sentry-trace", "baggage", "traceparent"];
    let asked_for = trace_headers.into_iter().filter(|name| asked.iter().any(|a| a == name));
    asked_for.filter(|name| !is_allowed(name)).collect()
}
