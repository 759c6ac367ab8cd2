//! The expected answer to a request.

use serde_json::Value;

use crate::mix::{Kind, Request};

pub(crate) enum Outcome {
    /// No complete answer: a service was down.
    Unanswered,
    Right {
        trace_id: String,
    },
    Wrong(String),
}

/// The flag that reaches the last service. The relays record every trace that they decide.
fn expected_flag(kind: Kind, wrong: bool) -> &'static str {
    match kind {
        Kind::NotSampled if !wrong => "0",
        _ => "1",
    }
}

fn is_continued(kind: Kind) -> bool {
    !matches!(kind, Kind::Malformed | Kind::Foreign | Kind::Absent)
}

pub(crate) fn judge(request: &Request, answer: Option<&str>, wrong: bool) -> Outcome {
    let Some(first) = answer.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Outcome::Unanswered;
    };
    let (second, third) = (&first["upstream"], &first["upstream"]["upstream"]);
    let sink = &third["upstream"];
    let Some(sentry_trace) = sink["sentry-trace"].as_str() else {
        return Outcome::Unanswered;
    };
    let trace_ids = [&first, second, third].map(|relay| relay["trace_id"].as_str().unwrap_or(""));
    let trace_id = trace_ids[0];
    match check(request, trace_ids, sentry_trace, sink["baggage"].as_str().unwrap_or(""), wrong) {
        Ok(()) => Outcome::Right { trace_id: trace_id.to_owned() },
        Err(what) => Outcome::Wrong(what),
    }
}

fn check(
    request: &Request,
    trace_ids: [&str; 3],
    sentry_trace: &str,
    baggage: &str,
    wrong: bool,
) -> Result<(), String> {
    let trace_id = trace_ids[0];
    if trace_ids != [trace_id; 3] {
        return Err(format!("split: {trace_ids:?}"));
    }
    if (trace_id == request.trace_id) != is_continued(request.kind) {
        return Err(format!("{trace_id} for {}", request.trace_id));
    }
    let flag = expected_flag(request.kind, wrong);
    if !(sentry_trace.starts_with(trace_id) && sentry_trace.ends_with(&format!("-{flag}"))) {
        return Err(format!("{sentry_trace} was sent in {trace_id}"));
    }
    let named: Vec<&str> =
        baggage.split(',').filter(|m| m.starts_with("sentry-trace_id=")).collect();
    if named != [format!("sentry-trace_id={trace_id}")] {
        return Err(format!("the DSC names {named:?}"));
    }
    let release = format!("sentry-release={}", request.release);
    let has_release = baggage.split(',').any(|member| member == release);
    if has_release != is_continued(request.kind) {
        return Err(format!("{release} in {baggage}"));
    }
    Ok(())
}
