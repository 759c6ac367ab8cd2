//! The Dynamic Sampling Context: the `sentry-*` members of `baggage`.

use std::borrow::Cow;
use std::fmt;

use opentelemetry::trace::TraceId;

use crate::text::chars::{split_equals, split_first, trim_ows, trim_ows_start};
use crate::text::hex::parse_hex;
use crate::wire::baggage::{decode, is_key, octets, octets_len, within_limit};
use crate::wire::dsc_key::{strip_prefix, DscKey, EntryKey, SentryMembers};

/// The most Sentry members that are read.
pub(crate) const MAX_SENTRY_MEMBERS: usize = 64;

/// Whether a DSC's encoded `trace_id` is this trace's; `None` if the value is empty.
pub(crate) fn names_trace(value: &str, trace_id: TraceId) -> Option<bool> {
    let named = parse_hex::<32>(&decode(value));
    (!value.is_empty()).then(|| named == Some(u128::from_be_bytes(trace_id.to_bytes())))
}

/// Reads the Sentry members of repeated `baggage` headers, which are one list: keys, and values
/// ready to be forwarded. An invalid member is skipped. Another party's is only searched for its
/// end.
pub(crate) fn for_each_member<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    mut found: impl FnMut(EntryKey<'a>, Cow<'a, str>),
) {
    let mut left = MAX_SENTRY_MEMBERS;
    for line in within_limit(lines) {
        let mut rest = Some(line);
        while let Some(list) = rest {
            let Some(member) = strip_prefix(list).or_else(|| strip_prefix(trim_ows_start(list)))
            else {
                rest = split_first(list, b',').1;
                continue;
            };
            // Common case: a known key, directly followed by `=`, and a value of baggage octets
            // alone.
            let plain = DscKey::split(member).and_then(|(key, value)| {
                let len = octets_len(value);
                let tail = match value.as_bytes().get(len) {
                    Some(b',') => value.get(len + 1..),
                    Some(_) => return None,
                    None => None,
                };
                Some((EntryKey::Known(key), value.get(..len)?, tail))
            });
            let (member, tail) = match plain {
                Some((key, value, tail)) => (Some((key, Cow::Borrowed(value))), tail),
                None => {
                    let (member, tail) = split_first(member, b',');
                    (sentry_member(member), tail)
                }
            };
            rest = tail;
            let Some((key, value)) = member else {
                continue;
            };
            found(key, value);
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

/// The general case, for a member without its prefix.
fn sentry_member(member: &str) -> Option<(EntryKey<'_>, Cow<'_, str>)> {
    let (name, value) = split_equals(member)?;
    let (name, value) = (name.trim_end_matches([' ', '\t']), octets(trim_ows(value)));
    let key = match DscKey::from_name(name) {
        Some(key) => EntryKey::Known(key),
        None => is_key(name).then_some(EntryKey::Unknown(name))?,
    };
    Some((key, value))
}

/// A trace's [Dynamic Sampling Context](https://develop.sentry.dev/sdk/telemetry/traces/dynamic-sampling-context/),
/// as its head sent it: the order and the encoding of its members are kept.
///
/// ```
/// use opentelemetry_sentry::DynamicSamplingContext;
///
/// let dsc = DynamicSamplingContext::parse("other=1, sentry-release=shop%401.2.3;p, sentry-a-b=c=d");
/// assert_eq!(dsc.get("release").as_deref(), Some("shop@1.2.3"));
/// assert_eq!(dsc.to_string(), "sentry-release=shop%401.2.3,sentry-a-b=c=d");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DynamicSamplingContext<'a> {
    /// Keys without their prefix, and encoded values.
    entries: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> DynamicSamplingContext<'a> {
    /// Reads the Sentry members of one `baggage` header; a member that is not valid is skipped.
    ///
    /// If a key occurs twice, the last value counts.
    pub fn parse(baggage: &'a str) -> Self {
        let mut entries: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for_each_member([baggage], |key, value| {
            let name = key.name();
            match entries.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => *old = value,
                None => entries.push((name.into(), value)),
            }
        });
        DynamicSamplingContext { entries }
    }

    /// The decoded value of a key, without its `sentry-`.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| decode(value))
    }

    /// Keys, without `sentry-`, and values, as they are encoded on the wire, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no member at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same, independent of the header it was read from.
    pub fn into_owned(self) -> DynamicSamplingContext<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let entries = self.entries.into_iter().map(|(key, value)| (owned(key), owned(value)));
        DynamicSamplingContext { entries: entries.collect() }
    }
}

/// The members joined with `,`, as sent.
impl fmt::Display for DynamicSamplingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = SentryMembers::default();
        for (key, value) in self.iter() {
            members.push(EntryKey::Unknown(key), value);
        }
        f.write_str(&members.list)
    }
}

/// Shows only how many members there are: values come from outside, or are the DSN's key.
impl fmt::Debug for DynamicSamplingContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicSamplingContext").field("len", &self.len()).finish_non_exhaustive()
    }
}
