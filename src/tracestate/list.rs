//! The list of a `TraceState`: other parties' members, and ours before them.

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

/// The most members ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#list)).
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

/// The fields of the first valid `ot` member: the one that is written again.
pub(crate) fn ot_fields(trace_state: &TraceState) -> OtFields<'_> {
    let mut members = trace_state.into_iter();
    let ot = members.find(|(key, value)| *key == OT_KEY && is_valid(key, value));
    ot.map_or(OtFields::default(), |(_, value)| OtFields::parse(value))
}

/// `base` with another member of ours, and with a new value of `ot` where there is one: an empty one
/// removes it. Other parties' members stay, in order.
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

/// A list in its order: ours, a new `ot`, the rest.
struct Members<'a> {
    ours: String,
    next: usize,
    ot: Option<String>,
    rest: std::vec::IntoIter<(&'a str, &'a str)>,
}

// By hand, since chained iterators cost as much as the rest of this function.
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

/// A trace state with the members that the inner sampler wrote in front. The trace's own `ot` stays;
/// what the sampler decided is written into that.
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

/// A span context with only what is valid in its trace state, and nothing of ours.
pub(crate) fn cleaned(span_context: &SpanContext) -> SpanContext {
    let trace_state = span_context.trace_state();
    let ot = ot_fields(trace_state).with_what_holds(span_context);
    with_trace_state(span_context, replace(trace_state, None, ot))
}

/// A span context without our members.
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

/// The same without its trace state.
pub(crate) fn without_trace_state(span_context: &SpanContext) -> SpanContext {
    with_trace_state(span_context, TraceState::NONE)
}

/// The `ot` member as it may leave, if a list has no other members but ours: then a propagator needs
/// no trace state, in which it would write ours only for them to be taken out again.
pub(crate) fn ot_alone(span_context: &SpanContext) -> Option<String> {
    let trace_state = span_context.trace_state();
    let is_other = |(key, _)| !is_ours(key) && key != OT_KEY;
    if *trace_state == TraceState::NONE || trace_state.into_iter().any(is_other) {
        return None;
    }
    let fields = ot_fields(trace_state);
    let rewritten = fields.with_what_holds(span_context);
    let value = rewritten.as_deref().unwrap_or(fields.value());
    Some(if value.is_empty() { String::new() } else { [OT_KEY, "=", value].concat() })
}

/// Whether a list has members of ours, or members that look like them.
pub(crate) fn has_ours(trace_state: &TraceState) -> bool {
    trace_state.into_iter().any(|(key, _)| is_ours(key))
}

/// Whether a list has anything that must not go on: a member that is not valid, one that occurs
/// twice, or a `th` that does not hold.
pub(crate) fn is_flawed(span_context: &SpanContext) -> bool {
    let trace_state = span_context.trace_state();
    let is_flawed = |(index, (key, value)): (usize, (&str, &str))| {
        let mut before = trace_state.into_iter().take(index);
        !is_valid(key, value) || before.any(|(other, _)| other == key)
    };
    trace_state.into_iter().enumerate().any(is_flawed)
        || ot_fields(trace_state).with_what_holds(span_context).is_some()
}

/// A `tracestate` header as another propagator wrote it for a span, as it may leave: valid members
/// alone, none of ours, and no `th` that the sampler's decision contradicts.
pub(crate) fn outgoing_header(header: &str, span_context: &SpanContext) -> String {
    let members = split_list(header, b',').filter_map(|member| split_equals(trim_ows(member)));
    let mut foreign = ForeignMembers::new(members, None);
    foreign.make_room(0);
    let mut out = String::with_capacity(header.len());
    for (key, value) in foreign.rest {
        let ot = Some(value).filter(|_| key == OT_KEY).map(OtFields::parse);
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
/// The SDK checks less than W3C asks for: members that are not valid, or occur twice, go.
struct ForeignMembers<'a> {
    /// The new value of the `ot` member, where it changes.
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

    /// How many bytes ours may have: one value at least, since ours displaces others.
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

/// A value on its way into a `TraceState`, which asks for one by `to_string`: an owned one moves,
/// and is not copied.
enum Text<'a> {
    Borrowed(&'a str),
    Owned(Cell<String>),
}

// `Display` would bring the copy back.
#[allow(clippy::to_string_trait_impl)]
impl ToString for Text<'_> {
    fn to_string(&self) -> String {
        match self {
            Text::Borrowed(text) => (*text).to_owned(),
            Text::Owned(text) => text.take(),
        }
    }
}
