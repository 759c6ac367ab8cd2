//! The members of a `TraceState`: ours first, then `ot` and other parties'.

use std::borrow::Cow;
use std::cell::Cell;

use opentelemetry::trace::{SpanContext, TraceState};

use crate::text::chars::{is_printable_without, split_equals, split_list, trim_ows};
use crate::tracestate::member::{is_ours, take_value};
use crate::tracestate::member_text::{MemberText, MAX_TEXT_BYTES};
use crate::tracestate::ot::{OtFields, MAX_VALUE_BYTES};
use crate::tracestate::status::Status;

/// The key of OTel's own member.
const OT_KEY: &str = "ot";

/// The most members of a list ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#list)).
const MAX_MEMBERS: usize = 32;

/// The longest key.
const MAX_KEY_BYTES: usize = 256;

/// ```text
/// key      = ( lcalpha / DIGIT ) 0*255 ( keychar )
/// keychar  = lcalpha / DIGIT / "_" / "-"/ "*" / "/" / "@"
/// value    = 0*255( %x20 / nblk-chr ) nblk-chr
/// nblk-chr = %x21-2B / %x2D-3C / %x3E-7E
/// ```
fn is_valid(key: &str, value: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_key_char = |byte: u8| is_start(byte) || b"_-*/@".contains(&byte);
    key.bytes().next().is_some_and(is_start)
        && key.len() <= MAX_KEY_BYTES
        && key.bytes().all(is_key_char)
        && (1..=MAX_VALUE_BYTES).contains(&value.len())
        && is_printable_without(*b",=", value)
        && !value.ends_with(' ')
}

/// The fields of the first valid `ot` member, the only one that is forwarded.
pub(crate) fn ot_fields(trace_state: &TraceState) -> OtFields<'_> {
    let mut members = trace_state.into_iter();
    let ot = members.find(|(key, value)| *key == OT_KEY && is_valid(key, value));
    ot.map_or(OtFields::default(), |(_, value)| OtFields::parse(value))
}

/// `base` with `ours` in place of any member of ours. `ot` is the new value of that member: an
/// empty one removes it, `None` keeps it. Other parties' members stay, in order.
pub(crate) fn replace(
    base: &TraceState,
    ours: Option<(Status, MemberText)>,
    ot: Option<String>,
) -> TraceState {
    let mut foreign = ForeignMembers::new(base.into_iter(), ot);
    let ours = ours.map(|(status, text)| text.finish(status, foreign.room_for_ours()));
    let ours = ours.unwrap_or_default();
    foreign.make_room(ours.len().div_ceil(MAX_VALUE_BYTES));
    let ForeignMembers { ot, rest } = foreign;
    let ot = ot.filter(|value| !value.is_empty());
    TraceState::from_key_value(Members { ours, next: 0, ot, rest: rest.into_iter() })
        .unwrap_or_default()
}

/// The members in order: ours, a new `ot`, the rest.
struct Members<'a> {
    ours: String,
    next: usize,
    ot: Option<String>,
    rest: std::vec::IntoIter<(&'a str, &'a str)>,
}

// By hand: chained iterators cost as much as the rest of `replace`.
impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Text<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((key, value)) = take_value(&mut self.ours, self.next) {
            self.next += 1;
            return Some((key, Text::Owned(Cell::new(value))));
        }
        if let Some(value) = self.ot.take() {
            return Some((OT_KEY, Text::Owned(Cell::new(value))));
        }
        self.rest.next().map(|(key, value)| (key, Text::Borrowed(value)))
    }
}

/// A trace state with the members that the inner sampler wrote in front. If `base` has an `ot`,
/// that one stays: the caller then writes the sampler's decision into it.
pub(crate) fn merged<'a>(base: &'a TraceState, written: TraceState) -> Cow<'a, TraceState> {
    if written == TraceState::NONE {
        return Cow::Borrowed(base);
    }
    if *base == TraceState::NONE {
        return Cow::Owned(written);
    }
    let has_ot = base.get(OT_KEY).is_some();
    let mut members: Vec<(&str, &str)> = Vec::new();
    let written = (&written).into_iter().filter(|(key, _)| !has_ot || *key != OT_KEY);
    for (key, value) in written.chain(base) {
        let is_new = members.iter().all(|(known, _)| *known != key);
        if is_new && !is_ours(key) && is_valid(key, value) {
            members.push((key, value));
        }
    }
    Cow::Owned(TraceState::from_key_value(members).unwrap_or_default())
}

/// A span context without our members, invalid ones, and a `th` that does not hold.
pub(crate) fn cleaned(span_context: &SpanContext) -> SpanContext {
    let trace_state = span_context.trace_state();
    let ot = ot_fields(trace_state).with_what_holds(span_context);
    with_trace_state(span_context, replace(trace_state, None, ot))
}

/// A span context without our members and invalid ones.
pub(crate) fn without_ours(span_context: &SpanContext) -> SpanContext {
    with_trace_state(span_context, replace(span_context.trace_state(), None, None))
}

fn with_trace_state(span_context: &SpanContext, trace_state: TraceState) -> SpanContext {
    SpanContext::new(
        span_context.trace_id(),
        span_context.span_id(),
        span_context.trace_flags(),
        span_context.is_remote(),
        trace_state,
    )
}

/// A span context without its trace state.
pub(crate) fn without_trace_state(span_context: &SpanContext) -> SpanContext {
    with_trace_state(span_context, TraceState::NONE)
}

/// What may be sent of a trace state that has only our members and `ot`: the `ot` member, or an
/// empty text without one. `None` for an empty trace state, and for one with another party's member.
///
/// With this, the inner propagator needs no trace state: it would encode our members only for
/// [`outgoing_header`] to remove them.
pub(crate) fn ot_beside_ours(span_context: &SpanContext) -> Option<String> {
    let trace_state = span_context.trace_state();
    let is_foreign = |(key, _)| !is_ours(key) && key != OT_KEY;
    if *trace_state == TraceState::NONE || trace_state.into_iter().any(is_foreign) {
        return None;
    }
    let fields = ot_fields(trace_state);
    let rewritten = fields.with_what_holds(span_context);
    let value = rewritten.as_deref().unwrap_or(fields.value());
    Some(if value.is_empty() { String::new() } else { [OT_KEY, "=", value].concat() })
}

/// Whether a list has members of ours, or another party's under our keys.
pub(crate) fn has_ours(trace_state: &TraceState) -> bool {
    trace_state.into_iter().any(|(key, _)| is_ours(key))
}

/// Whether a trace state has anything that must not be forwarded: an invalid member, one that
/// occurs twice, or a `th` that does not hold.
pub(crate) fn is_flawed(span_context: &SpanContext) -> bool {
    let trace_state = span_context.trace_state();
    let is_flawed = |(index, (key, value)): (usize, (&str, &str))| {
        let mut before = trace_state.into_iter().take(index);
        !is_valid(key, value) || before.any(|(other, _)| other == key)
    };
    trace_state.into_iter().enumerate().any(is_flawed)
        || ot_fields(trace_state).with_what_holds(span_context).is_some()
}

/// What may be sent of a `tracestate` header that another propagator wrote for a span: the valid
/// members but ours, without a `th` that the sampler's decision contradicts.
pub(crate) fn outgoing_header(header: &str, span_context: &SpanContext) -> String {
    let members = split_list(header, b',').filter_map(|member| split_equals(trim_ows(member)));
    let mut foreign = ForeignMembers::new(members, None);
    foreign.make_room(0);
    let mut out = String::with_capacity(header.len());
    for (key, value) in foreign.rest {
        let ot = (key == OT_KEY).then(|| OtFields::parse(value));
        let ot = ot.and_then(|fields| fields.with_what_holds(span_context));
        let value = ot.as_deref().unwrap_or(value);
        if value.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(',');
        }
        out.extend([key, "=", value]);
    }
    out
}

/// The members of a list that are not ours.
///
/// ```text
/// list = list-member 0*31( OWS "," OWS list-member )
/// ```
///
/// The SDK checks less than W3C requires: invalid and repeated members are dropped here.
struct ForeignMembers<'a> {
    /// The new value of the `ot` member, if it changes.
    ot: Option<String>,
    rest: Vec<(&'a str, &'a str)>,
}

impl<'a> ForeignMembers<'a> {
    fn new(members: impl Iterator<Item = (&'a str, &'a str)>, ot: Option<String>) -> Self {
        let mut rest: Vec<(&str, &str)> = Vec::new();
        for (key, value) in members {
            let stays = !is_ours(key) && (ot.is_none() || key != OT_KEY);
            if stays && is_valid(key, value) && rest.iter().all(|(known, _)| *known != key) {
                rest.push((key, value));
            }
        }
        ForeignMembers { ot, rest }
    }

    fn has_new_ot(&self) -> bool {
        self.ot.as_ref().is_some_and(|value| !value.is_empty())
    }

    /// How many bytes ours may have: at least one value, since it takes another member's place.
    fn room_for_ours(&self) -> usize {
        let left = MAX_MEMBERS.saturating_sub(self.rest.len() + usize::from(self.has_new_ot()));
        (left.max(1) * MAX_VALUE_BYTES).min(MAX_TEXT_BYTES)
    }

    /// Drops members from the end, but never `ot`, which decides about sampling.
    fn make_room(&mut self, ours: usize) {
        while ours + usize::from(self.has_new_ot()) + self.rest.len() > MAX_MEMBERS {
            match self.rest.iter().rposition(|(key, _)| *key != OT_KEY) {
                Some(last) => self.rest.remove(last),
                None => break,
            };
        }
    }
}

/// A value for `TraceState::from_key_value`, which calls `to_string`: an owned value is moved, not
/// copied.
enum Text<'a> {
    Borrowed(&'a str),
    Owned(Cell<String>),
}

// Through `Display` an owned value would be copied.
#[allow(clippy::to_string_trait_impl)]
impl ToString for Text<'_> {
    fn to_string(&self) -> String {
        match self {
            Text::Borrowed(text) => (*text).to_owned(),
            Text::Owned(text) => text.take(),
        }
    }
}
