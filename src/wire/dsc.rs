//! The Dynamic Sampling Context: the `sentry-*` members of `baggage`.

use std::borrow::Cow;
use std::fmt;

use opentelemetry::trace::TraceId;

use crate::sampling::{SampleRand, SampleRate};
use crate::text::ascii::{hex128, parse_hex, trim_ows};
use crate::wire::baggage::{decode, is_key, Members};
use crate::wire::dsc_key::{is_sentry_key, DscKey, EntryKey, KEYS, PREFIX};

/// The most Sentry members that are read.
pub(crate) const MAX_SENTRY_MEMBERS: usize = 64;

/// Room for the members that a service may add: `sample_rand`, `sample_rate`, `sampled`.
const MAX_ENTRIES: usize = MAX_SENTRY_MEMBERS + 3;

/// Whether the encoded value of a DSC's trace id is this trace; `None` where it is empty.
pub(crate) fn names_trace(value: &str, trace_id: TraceId) -> Option<bool> {
    // As nearly everyone writes it.
    if value.as_bytes() == trace_id_digits(trace_id) {
        return Some(true);
    }
    let named = parse_hex::<32>(&decode(value));
    (!value.is_empty()).then(|| named == Some(u128::from_be_bytes(trace_id.to_bytes())))
}

/// A trace id as it is written.
#[inline]
pub(crate) fn trace_id_digits(trace_id: TraceId) -> [u8; 32] {
    hex128(u128::from_be_bytes(trace_id.to_bytes()))
}

/// The members of a DSC whose keys the specification names, and what they say. It is read in two
/// ways: any by [`DynamicSamplingContext`], a common one by `PlainDsc`.
pub(crate) trait KnownMembers: Default {
    /// The value of a key, as it is encoded on the wire.
    fn known(&self, key: DscKey) -> Option<&str>;

    /// Replaces a value in place, or appends it.
    fn set_text(&mut self, key: DscKey, value: &str);

    /// Whether a trace is the one that the DSC names; `None` where it names none.
    fn names_trace(&self, trace_id: TraceId) -> Option<bool> {
        names_trace(self.known(DscKey::TraceId)?, trace_id)
    }

    /// The organisation, where it is named.
    fn org_id(&self) -> Option<Cow<'_, str>> {
        self.known(DscKey::OrgId).map(decode).filter(|id| !id.is_empty())
    }

    /// The `sample_rate`, where it is a number in `[0,1]`.
    fn sample_rate(&self) -> Option<f64> {
        let value = self.known(DscKey::SampleRate)?;
        SampleRate::parse_incoming(value).or_else(|| SampleRate::parse_incoming(&decode(value)))
    }

    /// The `sample_rand`, where it is a number in `[0,1)`.
    fn sample_rand(&self) -> Option<SampleRand> {
        let value = self.known(DscKey::SampleRand)?;
        SampleRand::parse_incoming(value).or_else(|| SampleRand::parse_incoming(&decode(value)))
    }

    /// What sampling decisions need, of a DSC that may not leave.
    fn sampling_facts(&self) -> Self {
        /// Longer than any number that is worth passing on.
        const MAX_NUMBER_BYTES: usize = 40;
        let mut facts = Self::default();
        let numbers = [
            (DscKey::SampleRate, self.sample_rate().is_some()),
            (DscKey::SampleRand, self.sample_rand().is_some()),
        ];
        for (key, _) in numbers.into_iter().filter(|(_, is_number)| *is_number) {
            if let Some(value) = self.known(key).filter(|value| value.len() <= MAX_NUMBER_BYTES) {
                facts.set_text(key, value);
            }
        }
        facts
    }
}

impl KnownMembers for DynamicSamplingContext<'_> {
    #[inline]
    fn known(&self, key: DscKey) -> Option<&str> {
        self.known.get(key as usize)?.as_deref()
    }

    fn set_text(&mut self, key: DscKey, value: &str) {
        self.set(key, Cow::Owned(value.to_owned()));
    }
}

/// A trace's [Dynamic Sampling Context](https://develop.sentry.dev/sdk/telemetry/traces/dynamic-sampling-context/),
/// as its head sent it: order and encoding of its members are kept.
///
/// ```
/// use opentelemetry_sentry::DynamicSamplingContext;
///
/// let dsc = DynamicSamplingContext::parse("other=1, sentry-release=shop%401.2.3;p, sentry-a-b=c=d");
/// assert_eq!(dsc.get("release").as_deref(), Some("shop@1.2.3"));
/// assert_eq!(dsc.to_string(), "sentry-release=shop%401.2.3,sentry-a-b=c=d");
/// ```
#[derive(Clone)]
pub struct DynamicSamplingContext<'a> {
    known: [Option<Cow<'a, str>>; KEYS.len()],
    unknown: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The entries' places: indexes into `known`, and above those into `unknown`.
    order: [u8; MAX_ENTRIES],
    len: usize,
}

impl PartialEq for DynamicSamplingContext<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entries().eq(other.entries())
    }
}

impl Eq for DynamicSamplingContext<'_> {}

impl Default for DynamicSamplingContext<'_> {
    fn default() -> Self {
        DynamicSamplingContext {
            known: Default::default(),
            unknown: Vec::new(),
            order: [0; MAX_ENTRIES],
            len: 0,
        }
    }
}

impl<'a> DynamicSamplingContext<'a> {
    /// Reads the Sentry members of one `baggage` header; what is no valid member is skipped.
    ///
    /// Of a key that stands twice the last value counts.
    pub fn parse(baggage: &'a str) -> Self {
        Self::read([baggage])
    }

    /// Reads the Sentry members of repeated `baggage` headers, which are one list.
    pub(crate) fn read<I>(lines: I) -> Self
    where
        I: IntoIterator<Item = &'a str>,
    {
        let mut dsc = Self::default();
        let mut read = 0;
        for member in Members::new(lines) {
            if !is_sentry_key(trim_ows(member.text)) {
                continue;
            }
            let Some((key, value)) = member.key_value() else {
                continue;
            };
            if !key.strip_prefix(PREFIX).is_some_and(|key| dsc.insert(key, value)) {
                continue;
            }
            read += 1;
            if read == MAX_SENTRY_MEMBERS {
                break;
            }
        }
        dsc
    }

    /// The decoded value of a key, without its `sentry-`.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.encoded(key).map(decode)
    }

    /// Keys, without `sentry-`, and values, as they are encoded on the wire, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().map(|(key, value)| (key.name(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no member at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same, independent of the header it was read from.
    pub fn into_owned(self) -> DynamicSamplingContext<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        DynamicSamplingContext {
            known: self.known.map(|value| value.map(owned)),
            unknown: self.unknown.into_iter().map(|(k, v)| (owned(k), owned(v))).collect(),
            order: self.order,
            len: self.len,
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (EntryKey<'_>, &str)> {
        self.order.iter().take(self.len).filter_map(|place| {
            let place = usize::from(*place);
            match KEYS.get(place) {
                Some(key) => Some((EntryKey::Known(*key), self.known(*key)?)),
                None => {
                    let (key, value) = self.unknown.get(place - KEYS.len())?;
                    Some((EntryKey::Unknown(key), value))
                }
            }
        })
    }

    fn encoded(&self, key: &str) -> Option<&str> {
        match DscKey::from_name(key) {
            Some(key) => self.known(key),
            None => self.unknown.iter().find(|(k, _)| k == key).map(|(_, value)| &**value),
        }
    }

    /// Sets a member; `false` where the key is none.
    #[inline]
    pub(crate) fn insert(&mut self, key: &'a str, value: Cow<'a, str>) -> bool {
        if let Some(key) = DscKey::from_name(key) {
            self.set(key, value);
            return true;
        }
        if !is_key(key) {
            return false;
        }
        match self.unknown.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => {
                self.push_place(KEYS.len() + self.unknown.len());
                self.unknown.push((Cow::Borrowed(key), value));
            }
        }
        true
    }

    /// Replaces the value in place, or appends it.
    #[inline]
    pub(crate) fn set(&mut self, key: DscKey, value: Cow<'a, str>) {
        let Some(slot) = self.known.get_mut(key as usize) else {
            return;
        };
        if slot.replace(value).is_none() {
            self.push_place(key as usize);
        }
    }

    #[inline]
    fn push_place(&mut self, place: usize) {
        if let Some(next) = self.order.get_mut(self.len) {
            *next = place as u8;
            self.len += 1;
        }
    }

    /// Takes an entry out; `false` where there is none.
    pub(crate) fn remove(&mut self, key: DscKey) -> bool {
        let removed = self.known.get_mut(key as usize).and_then(Option::take).is_some();
        if removed {
            self.forget_place(key as usize);
        }
        removed
    }

    /// Takes an entry out if another one would be too many.
    pub(crate) fn make_room_for(&mut self, key: DscKey) {
        if self.len >= MAX_SENTRY_MEMBERS && self.known(key).is_none() {
            self.remove_last_unknown();
        }
    }

    /// Takes out the last entry whose key the specification does not name.
    pub(crate) fn remove_last_unknown(&mut self) -> bool {
        let removed = self.unknown.pop().is_some();
        if removed {
            self.forget_place(KEYS.len() + self.unknown.len());
        }
        removed
    }

    fn forget_place(&mut self, place: usize) {
        let places = self.order.iter().take(self.len);
        if let Some(at) = places.clone().position(|p| usize::from(*p) == place) {
            self.order.copy_within(at + 1..self.len, at);
            self.len -= 1;
        }
    }
}

/// The members joined with `,`, as they go out.
impl fmt::Display for DynamicSamplingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{PREFIX}{key}={value}")?;
        }
        Ok(())
    }
}

/// Shows how many members there are: the rest is the outside's, or the DSN's key.
impl fmt::Debug for DynamicSamplingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicSamplingContext").field("len", &self.len).finish_non_exhaustive()
    }
}
