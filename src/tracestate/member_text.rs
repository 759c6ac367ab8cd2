//! Builds the text of our member, a status and entries, and drops entries for room (`fit`).

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use crate::sampling::rate::SampleRate;
use crate::sampling::sample_rand::SampleRand;
use crate::tracestate::entries::{
    encode_known, for_each_entry, value_of, Entry, Malformed, Value, UNKNOWN,
};
use crate::tracestate::status::{Origin, Status, STATUS_BYTES};
use crate::wire::baggage::decode;
use crate::wire::dsc::{for_each_member, names_trace, MAX_SENTRY_MEMBERS};
use crate::wire::dsc_key::{DscKey, EntryKey};

/// The longest text: four `tracestate` values.
pub(crate) const MAX_TEXT_BYTES: usize = 1024;

/// The bytes this service may add to a DSC: `sample_rand`, `sample_rate`, `sampled`.
const ADDED_BYTES: usize = 48;

/// The keys dropped for room, in this order, after all that the specification does not name.
const LEAST_IMPORTANT: [DscKey; 4] =
    [DscKey::Transaction, DscKey::ReplayId, DscKey::Environment, DscKey::Release];

/// A DSC, or only its numbers for sampling, as the text of our member.
pub(crate) struct MemberText {
    trace_id: TraceId,
    /// Three bytes for a status, which `finish` writes, then the entries.
    text: String,
    /// Start and end of the known keys' entries, without the `;`. A start of 0 means that there is
    /// none: a status is there.
    places: [(u16, u16); DscKey::COUNT],
    len: usize,
}

impl MemberText {
    /// No entries, with room for this many bytes of them.
    pub(crate) fn new(trace_id: TraceId, capacity: usize) -> Self {
        let mut text = String::with_capacity(STATUS_BYTES + capacity + ADDED_BYTES);
        // Common case: this status, which `finish` then need not write.
        text.push_str("c..");
        MemberText { trace_id, text, places: [(0, 0); DscKey::COUNT], len: 0 }
    }

    /// The Sentry members of repeated `baggage` headers. If a key occurs twice, its last value
    /// takes the first one's place.
    pub(crate) fn from_baggage(lines: &[&str], trace_id: TraceId) -> Self {
        // Each entry is shorter than its member.
        let capacity = lines.iter().map(|line| line.len()).sum::<usize>().min(MAX_TEXT_BYTES);
        let mut text = Self::new(trace_id, capacity);
        let mut unknown = UnknownKeys::default();
        for_each_member(lines.iter().copied(), |key, value| match key {
            EntryKey::Known(key) => {
                if let Some(moved) = text.set(key, &value) {
                    unknown.follow(moved);
                }
            }
            EntryKey::Unknown(key) => text.set_unknown(key, &value, &mut unknown),
        });
        if memchr::memchr(b'=', text.text.as_bytes()).is_some() {
            text.text = text.text.replace('=', "\"");
        }
        text
    }

    /// The entries of a member; an error if they are malformed or name another trace.
    pub(crate) fn from_entries(entries: &str, trace_id: TraceId) -> Result<Self, Malformed> {
        let mut text = Self::new(trace_id, entries.len());
        text.text.push_str(entries);
        for_each_entry(entries, trace_id, |Entry { key, start, end, .. }| {
            text.len += 1;
            if let EntryKey::Known(key) = key {
                text.note(key, STATUS_BYTES + start, STATUS_BYTES + end);
            }
        })?;
        Ok(text)
    }

    fn note(&mut self, key: DscKey, start: usize, end: usize) {
        if let Some(place) = self.places.get_mut(key as usize) {
            // A text fits: it is no longer than the 8192 bytes that are read of `baggage`.
            *place = (start as u16, end as u16);
        }
    }

    fn place(&self, key: DscKey) -> Option<(usize, usize)> {
        let (start, end) = *self.places.get(key as usize)?;
        (start > 0).then_some((start.into(), end.into()))
    }

    /// Replaces a part of the text, and updates `places`.
    fn replace(&mut self, (start, end): (usize, usize), parts: &[&str]) -> Moved {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        self.text.replace_range(start..end, "");
        for part in parts.iter().rev() {
            self.text.insert_str(start, part);
        }
        let moved = Moved { from: end, to: start + len };
        for place in &mut self.places {
            moved.follow(&mut place.0);
            moved.follow(&mut place.1);
        }
        moved
    }

    /// Removes an entry and the `;` before it.
    fn remove(&mut self, start: usize, end: usize) {
        self.replace((start - 1, end), &[]);
        self.len -= 1;
    }

    /// Sets a value in place, or appends it. Returns how the text behind it moved, if it did.
    #[inline(always)]
    pub(crate) fn set(&mut self, key: DscKey, value: &str) -> Option<Moved> {
        let (letter, value) = encode_known(key, value, self.trace_id);
        if let Some((start, end)) = self.place(key) {
            return Some(self.replace((start - 1, end), &[letter, value]));
        }
        let start = self.text.len() + 1;
        self.text.push_str(letter);
        self.text.push_str(value);
        self.note(key, start, self.text.len());
        self.len += 1;
        None
    }

    fn set_unknown(&mut self, key: &str, value: &str, unknown: &mut UnknownKeys) {
        if let Some(start) = unknown.find(self, key) {
            let start = start + key.len() + 1;
            let len = self.text.get(start..).and_then(|rest| rest.find(';'));
            let end = len.map_or(self.text.len(), |len| start + len);
            unknown.follow(self.replace((start, end), &[value]));
            return;
        }
        self.text.push_str(";u");
        unknown.note(self.text.len(), key.len());
        for part in [key, ":", value] {
            self.text.push_str(part);
        }
        self.len += 1;
    }

    /// The value of a known key.
    fn value(&self, key: DscKey) -> Option<Value<'_>> {
        let (start, end) = self.place(key)?;
        value_of(self.text.get(start..end)?)
    }

    /// The value of a key that has only one letter, as in the member.
    fn text_of(&self, key: DscKey) -> Option<&str> {
        let (start, end) = self.place(key)?;
        self.text.get(start + 1..end)
    }

    /// Whether the DSC names this trace; `None` if it names none.
    pub(crate) fn names_trace(&self) -> Option<bool> {
        match self.value(DscKey::TraceId)? {
            Value::OwnTraceId => Some(true),
            Value::Text(text) => names_trace(text, self.trace_id),
        }
    }

    /// The organization, if the DSC names one. An id consists of digits, so a `"` in place of `=`
    /// never makes a wrong match.
    pub(crate) fn org_id(&self) -> Option<Cow<'_, str>> {
        Some(decode(self.text_of(DscKey::OrgId)?)).filter(|id| !id.is_empty())
    }

    /// The `sample_rate`, if it is a number in `[0,1]`.
    pub(crate) fn sample_rate(&self) -> Option<f64> {
        let value = self.text_of(DscKey::SampleRate)?;
        SampleRate::parse_incoming(value).or_else(|| SampleRate::parse_incoming(&decode(value)))
    }

    /// The `sample_rand`, if it is a number in `[0,1)`.
    pub(crate) fn sample_rand(&self) -> Option<SampleRand> {
        let value = self.text_of(DscKey::SampleRand)?;
        SampleRand::parse_incoming(value).or_else(|| SampleRand::parse_incoming(&decode(value)))
    }

    /// The decision, if the DSC states one.
    pub(crate) fn sampled(&self) -> Option<bool> {
        match self.value(DscKey::Sampled)? {
            Value::Text(text) => text.parse().ok(),
            Value::OwnTraceId => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes every entry.
    pub(crate) fn clear(&mut self) {
        self.text.truncate(STATUS_BYTES);
        self.places = [(0, 0); DscKey::COUNT];
        self.len = 0;
    }

    /// Marks a DSC as one that must not be sent, and keeps only what sampling needs.
    pub(crate) fn withhold(&mut self, origin: &mut Origin) {
        if *origin == Origin::Continued {
            *origin = Origin::Withheld;
        }
        /// No sensible number is longer.
        const MAX_NUMBER_BYTES: usize = 40;
        let mut facts = Self::new(self.trace_id, 0);
        let numbers = [
            (DscKey::SampleRate, self.sample_rate().is_some()),
            (DscKey::SampleRand, self.sample_rand().is_some()),
        ];
        for (key, is_number) in numbers {
            match self.text_of(key) {
                Some(value) if is_number && value.len() <= MAX_NUMBER_BYTES => {
                    facts.set(key, value);
                }
                _ => {}
            }
        }
        *self = facts;
    }

    /// Drops whole entries until the text has at most `room` bytes, and no more entries than a
    /// reader accepts. Unknown keys go first, from the end, then [`LEAST_IMPORTANT`]; if that is
    /// not enough, all entries.
    fn fit(&mut self, room: usize) {
        let mut end = self.text.len();
        while self.is_over(room) {
            let Some(start) = self.text.get(..end).and_then(|text| text.rfind(';')) else {
                break;
            };
            if self.text.as_bytes().get(start + 1) == Some(&UNKNOWN) {
                self.remove(start + 1, end);
            }
            end = start;
        }
        for key in LEAST_IMPORTANT {
            if self.is_over(room) {
                if let Some((start, end)) = self.place(key) {
                    self.remove(start, end);
                    self.note(key, 0, 0);
                }
            }
        }
        if self.is_over(room) {
            self.clear();
        }
    }

    fn is_over(&self, room: usize) -> bool {
        self.text.len() > room || self.len > MAX_SENTRY_MEMBERS
    }

    /// The member's value, in at most `room` bytes. A DSC of which nothing fits is withheld.
    pub(crate) fn finish(mut self, mut status: Status, room: usize) -> String {
        if self.is_over(room) {
            self.fit(room);
            if self.is_empty() && status.origin == Origin::Continued {
                status.origin = Origin::Withheld;
            }
        }
        let status = status.to_bytes();
        if !self.text.as_bytes().starts_with(&status) {
            let status = std::str::from_utf8(&status).unwrap_or_default();
            self.text.replace_range(..STATUS_BYTES, status);
        }
        self.text
    }
}

/// A replaced text ended at `from`, and its replacement at `to`: every place from there on moves
/// along.
#[derive(Clone, Copy)]
pub(crate) struct Moved {
    from: usize,
    to: usize,
}

impl Moved {
    fn follow(self, place: &mut u16) {
        let at = usize::from(*place);
        if at >= self.from {
            *place = (at + self.to - self.from) as u16;
        }
    }
}

/// Start and length of each key that the specification does not name. Comparing only these, and not
/// searching the whole text, bounds the cost of many such keys.
#[derive(Default)]
struct UnknownKeys(Vec<(u16, u16)>);

impl UnknownKeys {
    fn note(&mut self, start: usize, key_len: usize) {
        self.0.push((start as u16, key_len as u16));
    }

    /// Where the key starts.
    fn find(&self, text: &MemberText, key: &str) -> Option<usize> {
        let text = text.text.as_bytes();
        let mut places = self.0.iter().map(|(start, len)| (usize::from(*start), usize::from(*len)));
        let is_it = |(start, len): &(usize, usize)| {
            *len == key.len() && text.get(*start..start + len) == Some(key.as_bytes())
        };
        places.find(is_it).map(|(start, _)| start)
    }

    fn follow(&mut self, moved: Moved) {
        for (start, _) in &mut self.0 {
            moved.follow(start);
        }
    }
}
