//! The entries of our member: a DSC in the alphabet of a `tracestate` value.
//!
//! ```text
//! entries = *( ";" entry )
//! entry   = letter value        ; see the table
//!         / "u" key ":" value   ; any other key
//! ```
//!
//! | letter | key | value |
//! | --- | --- | --- |
//! | `T`, `t` | `trace_id` | `T`: the trace's own id; `t`: any other text |
//! | `p` | `public_key` | |
//! | `r` | `sample_rate` | |
//! | `n` | `sample_rand` | |
//! | `S`, `F`, `s` | `sampled` | `S`: `true`; `F`: `false`; `s`: any other text |
//! | `l` | `release` | |
//! | `E`, `e` | `environment` | `E`: `production`; `e`: any other text |
//! | `x` | `transaction` | |
//! | `y` | `replay_id` | |
//! | `o` | `org_id` | |
//!
//! Values keep their `baggage` encoding. They consist of baggage octets, which exclude `"` and `;`;
//! a `tracestate` value excludes `=`. So `"` replaces `=`, and `;` separates.
//!
//! Example: `;T;eqa;lshop%401.2.3;S;n0.123456;r0.2` stands for
//! `sentry-trace_id=<the trace's id>,sentry-environment=qa,sentry-release=shop%401.2.3,`
//! `sentry-sampled=true,sentry-sample_rand=0.123456,sentry-sample_rate=0.2`.

use opentelemetry::trace::TraceId;

use crate::text::chars::graphic_len;
use crate::text::hex::to_hex;
use crate::wire::baggage::is_key;
use crate::wire::dsc::{names_trace, MAX_SENTRY_MEMBERS};
use crate::wire::dsc_key::{DscKey, EntryKey, SentryMembers};

/// The value of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// As in the member: with `"` in place of `=`.
    Text(&'a str),
    OwnTraceId,
}

/// The entry of a known key: `;` with the letter, and the text behind it.
#[inline]
pub(crate) fn encode_known(key: DscKey, value: &str, trace_id: TraceId) -> (&'static str, &str) {
    match (key, value) {
        (DscKey::TraceId, _) if value.as_bytes() == to_hex::<16, 32>(trace_id.to_bytes()) => {
            (";T", "")
        }
        (DscKey::TraceId, _) => (";t", value),
        (DscKey::PublicKey, _) => (";p", value),
        (DscKey::SampleRate, _) => (";r", value),
        (DscKey::SampleRand, _) => (";n", value),
        (DscKey::Sampled, "true") => (";S", ""),
        (DscKey::Sampled, "false") => (";F", ""),
        (DscKey::Sampled, _) => (";s", value),
        (DscKey::Release, _) => (";l", value),
        (DscKey::Environment, "production") => (";E", ""),
        (DscKey::Environment, _) => (";e", value),
        (DscKey::Transaction, _) => (";x", value),
        (DscKey::ReplayId, _) => (";y", value),
        (DscKey::OrgId, _) => (";o", value),
    }
}

/// The inverse of [`encode_known`].
#[inline]
fn decode_known(letter: u8, text: &str) -> Option<(DscKey, Value<'_>)> {
    let (key, value) = match letter {
        b'T' if text.is_empty() => return Some((DscKey::TraceId, Value::OwnTraceId)),
        b't' => (DscKey::TraceId, text),
        b'p' => (DscKey::PublicKey, text),
        b'r' => (DscKey::SampleRate, text),
        b'n' => (DscKey::SampleRand, text),
        b'S' if text.is_empty() => (DscKey::Sampled, "true"),
        b'F' if text.is_empty() => (DscKey::Sampled, "false"),
        b's' => (DscKey::Sampled, text),
        b'l' => (DscKey::Release, text),
        b'E' if text.is_empty() => (DscKey::Environment, "production"),
        b'e' => (DscKey::Environment, text),
        b'x' => (DscKey::Transaction, text),
        b'y' => (DscKey::ReplayId, text),
        b'o' => (DscKey::OrgId, text),
        _ => return None,
    };
    Some((key, Value::Text(value)))
}

/// The value of a known key's entry, without its `;`.
pub(crate) fn value_of(entry: &str) -> Option<Value<'_>> {
    let letter = *entry.as_bytes().first()?;
    decode_known(letter, entry.get(1..)?).map(|(_, value)| value)
}

/// The letter of a key that the specification does not name.
pub(crate) const UNKNOWN: u8 = b'u';

/// One entry, and its place among the entries, without its `;`.
pub(crate) struct Entry<'a> {
    pub(crate) key: EntryKey<'a>,
    pub(crate) value: Value<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The text is not a list of entries that this crate could have written for the trace.
#[derive(Debug)]
pub(crate) struct Malformed;

/// Reads the entries of a member on a span of this trace, and rejects those of another trace.
///
/// They may have come from outside, so everything is checked. Every reader of a member calls this
/// one function, so that all of them reject the same.
#[inline]
pub(crate) fn for_each_entry<'a>(
    entries: &'a str,
    trace_id: TraceId,
    mut found: impl FnMut(Entry<'a>),
) -> Result<(), Malformed> {
    let mut left = MAX_SENTRY_MEMBERS;
    // A bit for each known key so far.
    let mut seen = 0_u16;
    let mut rest = entries;
    while let Some(list) = rest.strip_prefix(';') {
        // `,` and `=` need no check: OTel accepts neither in a `TraceState`.
        let len = graphic_len(*b";\\", list);
        let (entry, tail) = list.get(..len).zip(list.get(len..)).ok_or(Malformed)?;
        let (letter, value) = entry.as_bytes().first().zip(entry.get(1..)).ok_or(Malformed)?;
        left = left.checked_sub(1).ok_or(Malformed)?;
        let (key, value) = if *letter == UNKNOWN {
            unknown(value, tail)?
        } else {
            let (key, value) = decode_known(*letter, value).ok_or(Malformed)?;
            let bit = 1 << key as u16;
            if seen & bit != 0 {
                return Err(Malformed);
            }
            seen |= bit;
            if let (DscKey::TraceId, Value::Text(id)) = (key, value) {
                if names_trace(id, trace_id) == Some(false) {
                    return Err(Malformed);
                }
            }
            (EntryKey::Known(key), value)
        };
        let (start, end) = (entries.len() - list.len(), entries.len() - tail.len());
        found(Entry { key, value, start, end });
        rest = tail;
    }
    rest.is_empty().then_some(()).ok_or(Malformed)
}

/// An entry of an unknown key, without its letter. `rest` has the entries behind it.
fn unknown<'a>(entry: &'a str, rest: &str) -> Result<(EntryKey<'a>, Value<'a>), Malformed> {
    let (key, value) = entry.split_once(':').ok_or(Malformed)?;
    // A key that has its own letter would bypass the checks for that letter.
    if !is_key(key) || DscKey::from_name(key).is_some() || has_unknown(rest, key) {
        return Err(Malformed);
    }
    Ok((EntryKey::Unknown(key), Value::Text(value)))
}

/// Whether one of these entries has this unknown key.
fn has_unknown(entries: &str, key: &str) -> bool {
    entries.split(';').any(|entry| {
        let rest = entry.strip_prefix('u').and_then(|entry| entry.strip_prefix(key));
        rest.is_some_and(|rest| rest.starts_with(':'))
    })
}

/// The entries as `baggage` members, in one pass. `own_trace_id` is the trace's id in digits.
pub(crate) fn to_baggage(
    entries: &str,
    trace_id: TraceId,
    own_trace_id: &str,
) -> Result<SentryMembers, Malformed> {
    let mut members = SentryMembers::with_capacity(entries.len() + own_trace_id.len());
    for_each_entry(entries, trace_id, |Entry { key, value, .. }| {
        let value = match value {
            Value::OwnTraceId => own_trace_id,
            Value::Text(text) => text,
        };
        members.push(key, value);
    })?;
    if memchr::memchr(b'"', entries.as_bytes()).is_some() {
        members.list = members.list.replace('"', "=");
    }
    Ok(members)
}

/// What the sampler left in a head's member, as encoded values.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    pub(crate) sample_rate: Option<&'a str>,
    pub(crate) sample_rand: Option<&'a str>,
    pub(crate) transaction: Option<&'a str>,
}

/// The facts among the entries.
#[inline]
pub(crate) fn facts(entries: &str, trace_id: TraceId) -> Result<Facts<'_>, Malformed> {
    let mut facts = Facts::default();
    for_each_entry(entries, trace_id, |entry| match (entry.key, entry.value) {
        (EntryKey::Known(DscKey::SampleRate), Value::Text(text)) => facts.sample_rate = Some(text),
        (EntryKey::Known(DscKey::SampleRand), Value::Text(text)) => facts.sample_rand = Some(text),
        (EntryKey::Known(DscKey::Transaction), Value::Text(text)) => facts.transaction = Some(text),
        _ => {}
    })?;
    Ok(facts)
}
