//! The `sentry` member of a `TraceState`: what a span knows about its Sentry trace.
//!
//! ```text
//! member = marks entries    ; see marks.rs and packing.rs
//! ```
//!
//! What does not fit into one `tracestate` value goes on in `sentry-2`, `sentry-3`, `sentry-4`.

use std::borrow::Cow;

use opentelemetry::trace::{SpanContext, TraceState};

use crate::text::ascii::{is_graphic_without, trim_ows};
use crate::tracestate::ot::OtFields;
use crate::tracestate::status::{Decision, Marks, Origin, Verdict, MARK_BYTES};
use crate::tracestate::unpacking::names_other_trace;

/// The keys of our members, in the order in which their values are joined.
pub(crate) const MEMBER_KEYS: [&str; 4] = ["sentry", "sentry-2", "sentry-3", "sentry-4"];

/// The key of OTel's own member.
pub(crate) const OT_KEY: &str = "ot";

/// The longest value ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#value)).
pub(crate) const MAX_VALUE_BYTES: usize = 256;

/// Our member as it is read from a span context.
pub(crate) struct Member<'a> {
    pub(crate) marks: Marks,
    /// Packed entries.
    pub(crate) entries: Cow<'a, str>,
}

impl<'a> Member<'a> {
    /// Our member, if the span context has one.
    ///
    /// A remote parent's may have been brought by another propagator: only what a header could
    /// have said is believed then.
    pub(crate) fn read(span_context: &'a SpanContext) -> Option<Self> {
        let first = first(span_context.trace_state())?;
        let mut marks = Marks::parse(first.as_bytes().get(..MARK_BYTES)?)?;
        let entries = match first.len() {
            MAX_VALUE_BYTES => joined(first, span_context.trace_state()),
            _ => Cow::Borrowed(first),
        };
        let entries = match entries {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(MARK_BYTES..)?),
            Cow::Owned(text) => Cow::Owned(text.get(MARK_BYTES..)?.to_owned()),
        };
        if span_context.is_remote() {
            marks.verdict = Verdict::Unknown;
            marks.decision = match marks.decision {
                Decision::Deferred | Decision::Undecided => Decision::Deferred,
                Decision::Traceparent => Decision::Traceparent,
                Decision::Flag | Decision::Forwarded(_) => Decision::Flag,
            };
            if marks.origin == Origin::Head {
                return None;
            }
            if names_other_trace(&entries, span_context.trace_id()) {
                marks.origin = Origin::Withheld;
            }
        }
        Some(Member { marks, entries })
    }
}

/// The value of our first member, which nearly always stands in front.
#[inline]
fn first(trace_state: &TraceState) -> Option<&str> {
    trace_state.into_iter().find(|(key, _)| *key == MEMBER_KEYS[0]).map(|(_, value)| value)
}

/// The verdict alone, of a local span: it decides whether a child's trace state is its parent's.
#[inline]
pub(crate) fn verdict(trace_state: &TraceState) -> Verdict {
    match first(trace_state).map(str::as_bytes) {
        // As nearly all are, whatever else they say.
        Some([_, _, b'.', ..]) | None => Verdict::Unknown,
        Some(_) => marks(trace_state).map_or(Verdict::Unknown, |marks| marks.verdict),
    }
}

/// The marks alone, of a local span: all that a child's start needs.
pub(crate) fn marks(trace_state: &TraceState) -> Option<Marks> {
    let first = first(trace_state)?;
    Marks::parse(first.as_bytes().get(..MARK_BYTES)?)
}

fn joined<'a>(first: &'a str, trace_state: &'a TraceState) -> Cow<'a, str> {
    let mut whole = Cow::Borrowed(first);
    for key in MEMBER_KEYS.iter().skip(1) {
        let Some(part) = trace_state.get(key) else {
            break;
        };
        whole.to_mut().push_str(part);
        if part.len() < MAX_VALUE_BYTES {
            break;
        }
    }
    whole
}

/// The fields of the first valid `ot` member, which is the one that is written again.
pub(crate) fn ot_fields(trace_state: &TraceState) -> OtFields<'_> {
    let mut members = trace_state.into_iter();
    let ot = members.find(|(key, value)| *key == OT_KEY && is_valid(key, value));
    ot.map_or(OtFields::default(), |(_, value)| OtFields::parse(value))
}

/// `sentry` and `sentry-<digits>`, whoever wrote them; `sentryco` is somebody else's.
pub(crate) fn is_ours(key: &str) -> bool {
    match key.strip_prefix(MEMBER_KEYS[0]) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())),
        None => false,
    }
}

/// A `tracestate` header as it may leave: without our members, and without a `th` that the span's
/// sampler, who knows nothing of it, has made false.
pub(crate) fn outgoing_header(header: &str, span_context: &SpanContext) -> String {
    let mut out = String::with_capacity(header.len());
    for member in header.split(',').map(trim_ows) {
        let (key, value) = member.split_once('=').unwrap_or((member, ""));
        let fields = OtFields::parse(value);
        let is_false =
            key == OT_KEY && fields.has_threshold() && fields.threshold_of(span_context).is_none();
        let rewritten = is_false.then(|| fields.rewritten(None, None));
        let rewritten = rewritten.as_ref().map(|value| value.as_str().unwrap_or_default());
        if is_ours(key) || rewritten == Some("") {
            continue;
        }
        if !out.is_empty() {
            out.push(',');
        }
        match rewritten {
            Some(value) => out.extend([OT_KEY, "=", value]),
            None => out.push_str(member),
        }
    }
    out
}

/// Whether a list has members of ours, or what looks like them.
pub(crate) fn has_ours(trace_state: &TraceState) -> bool {
    trace_state.into_iter().any(|(key, _)| is_ours(key))
}

/// ```text
/// key   = ( lcalpha / DIGIT ) 0*255 ( keychar )
/// value = 0*255( %x20 / nblk-chr ) nblk-chr
/// nblk-chr = %x21-2B / %x2D-3C / %x3E-7E
/// ```
pub(crate) fn is_valid(key: &str, value: &str) -> bool {
    let key_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
    let starts = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    starts
        && key.len() <= 256
        && key.bytes().all(key_char)
        && (1..=MAX_VALUE_BYTES).contains(&value.len())
        && (is_graphic_without(*b",=", value)
            || value.split(' ').all(|part| is_graphic_without(*b",=", part)))
        && !value.ends_with(' ')
}
