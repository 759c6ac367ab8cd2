//! The `sentry` member of a `TraceState`: what a span knows about its Sentry trace.
//!
//! ```text
//! member = status entries    ; see status.rs and entries.rs
//! ```
//!
//! A text longer than one `tracestate` value continues in `sentry-2`, `sentry-3`, `sentry-4`.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, TraceState};

use crate::tracestate::ot::MAX_VALUE_BYTES;
use crate::tracestate::status::{Origin, Permission, Status, STATUS_BYTES};

/// The keys of our members, in the order in which their values are joined.
const KEYS: [&str; 4] = ["sentry", "sentry-2", "sentry-3", "sentry-4"];

/// Our member in a span context. Only its status has been checked.
pub(crate) struct Member<'a> {
    pub(crate) status: Status,
    pub(crate) entries: Cow<'a, str>,
}

impl<'a> Member<'a> {
    /// Our member, if the span context has one.
    ///
    /// On a remote parent it may come from a header that another propagator read, so it may say no
    /// more than Sentry's own headers can. They cannot say that a trace starts here.
    pub(crate) fn read(span_context: &'a SpanContext) -> Option<Self> {
        let first = first_value(span_context.trace_state())?;
        let status = Status::parse(first.as_bytes().get(..STATUS_BYTES)?)?;
        let status = if span_context.is_remote() { status.of_remote() } else { status };
        if span_context.is_remote() && status.origin == Origin::Head {
            return None;
        }
        let entries = first.get(STATUS_BYTES..)?;
        let entries = match first.len() {
            MAX_VALUE_BYTES => joined(entries, span_context.trace_state()),
            _ => Cow::Borrowed(entries),
        };
        Some(Member { status, entries })
    }
}

/// Only the status, of a local span.
pub(crate) fn status(trace_state: &TraceState) -> Option<Status> {
    Status::parse(first_value(trace_state)?.as_bytes().get(..STATUS_BYTES)?)
}

/// Only the permission, of a local span. A child shares its parent's trace state only if both are
/// equal.
#[inline]
pub(crate) fn permission(trace_state: &TraceState) -> Permission {
    match first_value(trace_state).map(str::as_bytes) {
        // Common case: no permission recorded.
        Some([_, _, b'.', ..]) | None => Permission::Unknown,
        Some(_) => status(trace_state).map_or(Permission::Unknown, |status| status.permission),
    }
}

fn first_value(trace_state: &TraceState) -> Option<&str> {
    // Common case: ours is first, and this search costs less than `TraceState::get`.
    trace_state.into_iter().find(|(key, _)| *key == KEYS[0]).map(|(_, value)| value)
}

fn joined<'a>(first: &'a str, trace_state: &'a TraceState) -> Cow<'a, str> {
    let mut whole = Cow::Borrowed(first);
    for part in KEYS.iter().skip(1).map_while(|key| trace_state.get(key)) {
        whole.to_mut().push_str(part);
    }
    whole
}

/// Cuts the next of our members off the start of a text, after `index` others.
#[inline]
pub(crate) fn take_value(text: &mut String, index: usize) -> Option<(&'static str, String)> {
    let key = KEYS.get(index).filter(|_| !text.is_empty())?;
    let rest = text.split_off(text.len().min(MAX_VALUE_BYTES));
    Some((key, std::mem::replace(text, rest)))
}

/// Whether a key is `sentry` or `sentry-<digits>`, whoever wrote it; `sentryco` is another party's.
pub(crate) fn is_ours(key: &str) -> bool {
    match key.strip_prefix(KEYS[0]) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())),
        None => false,
    }
}
