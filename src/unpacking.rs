//! Packed DSC entries read again. They may have come from outside: nothing is taken on trust.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use crate::ascii::push_hex128;
use crate::baggage::{is_baggage_octet, is_key};
use crate::dsc::{push_member, DscKey, DynamicSamplingContext, EntryKey, MAX_SENTRY_MEMBERS};
use crate::packing::{decode_code, Form, BASE64_DIGITS, UNKNOWN};

fn parse_base64(digits: &str) -> Option<u128> {
    digits.bytes().rev().try_fold(0_u128, |bits, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            b'A'..=b'Z' => byte - b'A' + 36,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        Some((bits << 6) | u128::from(digit))
    })
}

/// One packed entry.
#[derive(Clone, Copy)]
enum PackedValue<'a> {
    /// `"` stands for `=`.
    Text(&'a str),
    Fraction(&'a str),
    Hex(u128),
    TraceId,
    Const(&'static str),
}

/// The entries of a packed text; ends with an `Err` where it is none of ours.
struct Entries<'a> {
    rest: &'a str,
    /// One bit for each known key that was seen.
    seen: u16,
    count: usize,
}

struct NotPacked;

impl<'a> Entries<'a> {
    fn new(packed: &'a str) -> Self {
        Entries { rest: packed, seen: 0, count: 0 }
    }

    fn take(&mut self, len: usize) -> Result<&'a str, NotPacked> {
        let (head, tail) = (self.rest.get(..len), self.rest.get(len..));
        self.rest = tail.ok_or(NotPacked)?;
        head.ok_or(NotPacked)
    }

    fn take_until(&mut self, end: u8) -> Result<&'a str, NotPacked> {
        let len = memchr::memchr(end, self.rest.as_bytes()).ok_or(NotPacked)?;
        let head = self.take(len)?;
        self.take(1)?;
        Ok(head)
    }

    fn text(&mut self) -> Result<&'a str, NotPacked> {
        let text = self.take_until(b';')?;
        let valid = |b| (is_baggage_octet(b) & (b != b'=')) | (b == b'"');
        match text.bytes().fold(true, |all, byte| all & valid(byte)) {
            true => Ok(text),
            false => Err(NotPacked),
        }
    }

    fn entry(&mut self) -> Result<(EntryKey<'a>, PackedValue<'a>), NotPacked> {
        self.count += 1;
        if self.count > MAX_SENTRY_MEMBERS {
            return Err(NotPacked);
        }
        let code = self.take(1)?.as_bytes().first().copied().unwrap_or_default();
        if code == UNKNOWN {
            let key = self.take_until(b'\\')?;
            if !is_key(key) {
                return Err(NotPacked);
            }
            return Ok((EntryKey::Unknown(key), PackedValue::Text(self.text()?)));
        }
        let (key, form) = decode_code(code).ok_or(NotPacked)?;
        let value = match form {
            Form::Text => PackedValue::Text(self.text()?),
            Form::Fraction => PackedValue::Fraction(self.text()?),
            Form::Hex => {
                PackedValue::Hex(parse_base64(self.take(BASE64_DIGITS)?).ok_or(NotPacked)?)
            }
            Form::TraceId => PackedValue::TraceId,
            Form::Const(text) => PackedValue::Const(text),
        };
        let bit = 1 << key as u16;
        if self.seen & bit != 0 {
            return Err(NotPacked);
        }
        self.seen |= bit;
        Ok((EntryKey::Known(key), value))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(EntryKey<'a>, PackedValue<'a>), NotPacked>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.entry())
    }
}

impl<'a> PackedValue<'a> {
    fn unpack(self, trace_id: TraceId) -> Cow<'a, str> {
        match self {
            PackedValue::Const(text) => text.into(),
            PackedValue::Text(text) if !text.contains('"') => text.into(),
            _ => {
                let mut value = String::with_capacity(32);
                self.push_to(&mut value, trace_id);
                value.into()
            }
        }
    }

    fn push_to(self, out: &mut String, trace_id: TraceId) {
        match self {
            PackedValue::Const(text) => out.push_str(text),
            PackedValue::TraceId => {
                push_hex128(u128::from_be_bytes(trace_id.to_bytes()), out);
            }
            PackedValue::Hex(bits) => push_hex128(bits, out),
            PackedValue::Fraction(digits) => {
                out.push_str("0.");
                PackedValue::Text(digits).push_to(out, trace_id);
            }
            PackedValue::Text(text) => {
                let mut rest = text;
                while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
                    let (head, tail) = rest.split_at(quote);
                    out.push_str(head);
                    out.push('=');
                    rest = tail.get(1..).unwrap_or_default();
                }
                out.push_str(rest);
            }
        }
    }
}

/// The packed entries as `baggage` members; `None` where the text is none of ours.
pub(crate) fn members(packed: &str, trace_id: TraceId) -> Option<String> {
    /// Commas, prefixes and known keys, each of which stands once.
    const NAMES_BYTES: usize = 224;
    let unknown = memchr::memchr_iter(b'\\', packed.as_bytes()).count();
    let mut out = String::with_capacity(NAMES_BYTES + packed.len() + 8 * unknown);
    for entry in Entries::new(packed) {
        let (key, value) = entry.ok()?;
        if !out.is_empty() {
            out.push(',');
        }
        push_member(&mut out, key, "");
        value.push_to(&mut out, trace_id);
    }
    Some(out)
}

/// The packed entries as a DSC; `None` where the text is none of ours.
pub(crate) fn unpack(packed: &str, trace_id: TraceId) -> Option<DynamicSamplingContext<'_>> {
    let mut dsc = DynamicSamplingContext::default();
    for entry in Entries::new(packed) {
        let (key, value) = entry.ok()?;
        dsc.insert(key.name(), value.unpack(trace_id));
    }
    Some(dsc)
}

/// The value of one known key, as it is encoded on the wire.
pub(crate) fn find(packed: &str, key: DscKey, trace_id: TraceId) -> Option<Cow<'_, str>> {
    Entries::new(packed)
        .map_while(Result::ok)
        .find(|(k, _)| *k == EntryKey::Known(key))
        .map(|(_, value)| value.unpack(trace_id))
}
