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
//! | `T`, `t` | `trace_id` | `T`: the trace's own id; `t`: another text |
//! | `p` | `public_key` | |
//! | `r` | `sample_rate` | |
//! | `n` | `sample_rand` | |
//! | `S`, `F`, `s` | `sampled` | `S`: `true`; `F`: `false`; `s`: another text |
//! | `l` | `release` | |
//! | `E`, `e` | `environment` | `E`: `production`; `e`: another text |
//! | `x` | `transaction` | |
//! | `y` | `replay_id` | |
//! | `o` | `org_id` | |
//!
//! Values stand as they are encoded in `baggage`. A DSC value is made of baggage octets, which have
//! no `"` and no `;`; a `tracestate` value has no `=`. So `"` stands for `=`, and `;` separates.
//!
//! Example: `;T;eqa;lshop%401.2.3;S;n0.123456;r0.2` stands for
//! `sentry-trace_id=<the trace's id>,sentry-environment=qa,sentry-release=shop%401.2.3,`
//! `sentry-sampled=true,sentry-sample_rand=0.123456,sentry-sample_rate=0.2`.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use crate::text::chars::is_graphic_without;
use crate::wire::baggage::is_key;
use crate::wire::dsc::{names_trace, MAX_SENTRY_MEMBERS};
use crate::wire::dsc_key::{push_member, DscKey, EntryKey};

/// What an entry says about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// As in the member: `"` stands for `=`.
    Text(&'a str),
    OwnTraceId,
}

impl<'a> Value<'a> {
    /// The value as `baggage` has it, but for the trace's own id.
    pub(crate) fn decoded(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) if memchr::memchr(b'"', text.as_bytes()).is_some() => {
                Some(text.replace('"', "=").into())
            }
            Value::Text(text) => Some(text.into()),
            Value::OwnTraceId => None,
        }
    }
}

/// The entry of a known key without its `;`: the letter, and the text behind it.
pub(crate) fn encode_known<'a>(
    key: DscKey,
    value: &'a str,
    own_trace_id: &[u8; 32],
) -> (&'static str, &'a str) {
    match (key, value) {
        (DscKey::TraceId, _) if value.as_bytes() == own_trace_id => (";T", ""),
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

/// One entry, and where it stands: without its `;`.
pub(crate) struct Entry<'a> {
    pub(crate) key: EntryKey<'a>,
    pub(crate) value: Value<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Entries that may have come from outside: nothing is taken on trust.
pub(crate) struct Entries<'a> {
    text: &'a str,
    next: usize,
    /// A bit for each known key so far.
    seen: u16,
    /// How many more are accepted.
    left: usize,
    /// The trace that the entries must belong to.
    trace_id: Option<TraceId>,
}

/// The text is not a list of entries that this crate writes for the trace.
#[derive(Debug)]
pub(crate) struct Malformed;

impl<'a> Entries<'a> {
    /// The entries of a member on a span of this trace. Every reader of a member comes through here,
    /// so that none believes what another refuses.
    pub(crate) fn new(text: &'a str, trace_id: TraceId) -> Result<Self, Malformed> {
        // Over everything at once, so that no entry has to look again.
        let is_encoded = is_graphic_without(*b"=,\\", text);
        let entries = Entries {
            left: MAX_SENTRY_MEMBERS,
            trace_id: Some(trace_id),
            ..Entries::of_ours(text)
        };
        is_encoded.then_some(entries).ok_or(Malformed)
    }

    /// Those of a text under construction, which needs no check.
    pub(crate) fn of_ours(text: &'a str) -> Self {
        Entries { text, next: 0, seen: 0, left: usize::MAX, trace_id: None }
    }

    /// The next entry; `None` at the end.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry<'a>>, Malformed> {
        let text = self.text;
        if self.next == text.len() {
            return Ok(None);
        }
        let (start, entry) = (self.next + 1, text.get(self.next..).ok_or(Malformed)?);
        let entry = entry.strip_prefix(';').ok_or(Malformed)?;
        let len = memchr::memchr(b';', entry.as_bytes()).unwrap_or(entry.len());
        self.next = start + len;
        self.left = self.left.checked_sub(1).ok_or(Malformed)?;
        let entry = entry.get(..len).ok_or(Malformed)?;
        let letter = *entry.as_bytes().first().ok_or(Malformed)?;
        let (key, value) = match letter {
            UNKNOWN => self.unknown(entry.get(1..).ok_or(Malformed)?)?,
            _ => {
                let text = entry.get(1..).ok_or(Malformed)?;
                let (key, value) = decode_known(letter, text).ok_or(Malformed)?;
                let bit = 1 << key as u16;
                if self.seen & bit != 0 {
                    return Err(Malformed);
                }
                self.seen |= bit;
                if let (DscKey::TraceId, Value::Text(id), Some(own)) = (key, value, self.trace_id) {
                    if names_trace(id, own) == Some(false) {
                        return Err(Malformed);
                    }
                }
                (EntryKey::Known(key), value)
            }
        };
        Ok(Some(Entry { key, value, start, end: self.next }))
    }

    fn unknown(&self, entry: &'a str) -> Result<(EntryKey<'a>, Value<'a>), Malformed> {
        let (key, value) = entry.split_once(':').ok_or(Malformed)?;
        let rest = self.text.get(self.next..).unwrap_or_default();
        // Our own text has no key twice.
        let is_repeated = self.trace_id.is_some() && find_unknown(rest, key).is_some();
        // A key that has a letter of its own would slip past the checks of that key.
        if !is_key(key) || DscKey::from_name(key).is_some() || is_repeated {
            return Err(Malformed);
        }
        Ok((EntryKey::Unknown(key), Value::Text(value)))
    }
}

/// Where the entry of an unknown key stands in a list of entries: from its letter to its end.
pub(crate) fn find_unknown(entries: &str, key: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for entry in entries.split(';') {
        let end = start + entry.len();
        let rest = entry.strip_prefix('u').and_then(|entry| entry.strip_prefix(key));
        if rest.is_some_and(|rest| rest.starts_with(':')) {
            return Some((start, end));
        }
        start = end + 1;
    }
    None
}

/// The entries as `baggage` members, in one pass. `own_trace_id` has the digits of the trace's id.
pub(crate) fn to_baggage(
    entries: &str,
    trace_id: TraceId,
    own_trace_id: &str,
) -> Result<String, Malformed> {
    let mut parsed = Entries::new(entries, trace_id)?;
    let mut list = String::with_capacity(entries.len() + DscKey::MEMBERS_BYTES);
    while let Some(Entry { key, value, .. }) = parsed.next_entry()? {
        match value {
            Value::OwnTraceId => push_member(&mut list, key, own_trace_id),
            Value::Text(text) => push_member(&mut list, key, text),
        }
    }
    if memchr::memchr(b'"', list.as_bytes()).is_some() {
        list = list.replace('"', "=");
    }
    Ok(list)
}

/// What a head's member says about its trace, as encoded values.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    pub(crate) sample_rate: Option<&'a str>,
    pub(crate) sample_rand: Option<&'a str>,
    pub(crate) transaction: Option<&'a str>,
}

/// The facts among the entries.
pub(crate) fn facts(entries: &str, trace_id: TraceId) -> Result<Facts<'_>, Malformed> {
    let mut facts = Facts::default();
    let mut parsed = Entries::new(entries, trace_id)?;
    while let Some(entry) = parsed.next_entry()? {
        let (EntryKey::Known(key), Value::Text(text)) = (entry.key, entry.value) else {
            continue;
        };
        match key {
            DscKey::SampleRate => facts.sample_rate = Some(text),
            DscKey::SampleRand => facts.sample_rand = Some(text),
            DscKey::Transaction => facts.transaction = Some(text),
            _ => {}
        }
    }
    Ok(facts)
}
