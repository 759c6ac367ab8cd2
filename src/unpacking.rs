//! Packed DSC entries read again. They may have come from outside: nothing is taken on trust.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use crate::ascii::{is_graphic, parse_base64, push_hex128, BASE64_DIGITS};
use crate::baggage::is_key;
use crate::dsc::{push_key, DscKey, DynamicSamplingContext, EntryKey, MAX_SENTRY_MEMBERS};
use crate::packing::{decode_code, Form, UNKNOWN};

/// One packed value.
#[derive(Clone, Copy)]
enum PackedValue<'a> {
    Text(Text<'a>),
    Fraction(Text<'a>),
    Hex(u128),
    TraceId,
    Const(&'static str),
}

#[derive(Clone, Copy)]
struct Text<'a> {
    text: &'a str,
    /// Whether there may be a `"` in it, which stands for `=`.
    quoted: bool,
}

/// The entries of a packed text; ends with an `Err` where it is none of ours.
struct Entries<'a> {
    rest: &'a str,
    /// Whether there is a `"` anywhere.
    quoted: bool,
    /// Whether there is a `\` anywhere.
    escaped: bool,
    /// One bit for each known key that was seen.
    seen: u16,
    count: usize,
}

struct NotPacked;

impl<'a> Entries<'a> {
    fn new(packed: &'a str) -> Result<Self, NotPacked> {
        // Over everything at once, so that no entry has to look again.
        let bytes = packed.as_bytes();
        if !is_graphic(packed) || memchr::memchr2(b'=', b',', bytes).is_some() {
            return Err(NotPacked);
        }
        let quoted = memchr::memchr(b'"', bytes).is_some();
        let escaped = memchr::memchr(b'\\', bytes).is_some();
        Ok(Entries { rest: packed, quoted, escaped, seen: 0, count: 0 })
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

    fn text(&mut self) -> Result<Text<'a>, NotPacked> {
        let text = self.take_until(b';')?;
        if self.escaped && text.contains('\\') {
            return Err(NotPacked);
        }
        Ok(Text { text, quoted: self.quoted })
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
            PackedValue::Text(Text { text, quoted: false }) => text.into(),
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
                digits.push_to(out);
            }
            PackedValue::Text(text) => text.push_to(out),
        }
    }
}

impl Text<'_> {
    fn push_to(self, out: &mut String) {
        if !self.quoted {
            return out.push_str(self.text);
        }
        for (index, part) in self.text.split('"').enumerate() {
            if index > 0 {
                out.push('=');
            }
            out.push_str(part);
        }
    }
}

/// The packed entries as `baggage` members; `None` where the text is none of ours.
pub(crate) fn members(packed: &str, trace_id: TraceId) -> Option<String> {
    /// Commas, prefixes and known keys, each of which stands once.
    const NAMES_BYTES: usize = 224;
    let entries = Entries::new(packed).ok()?;
    let unknown = match entries.escaped {
        true => memchr::memchr_iter(b'\\', packed.as_bytes()).count(),
        false => 0,
    };
    let mut out = String::with_capacity(NAMES_BYTES + packed.len() + 8 * unknown);
    for entry in entries {
        let (key, value) = entry.ok()?;
        push_key(&mut out, key);
        value.push_to(&mut out, trace_id);
    }
    Some(out)
}

/// The packed entries as a DSC; `None` where the text is none of ours.
pub(crate) fn unpack(packed: &str, trace_id: TraceId) -> Option<DynamicSamplingContext<'_>> {
    let mut dsc = DynamicSamplingContext::default();
    for entry in Entries::new(packed).ok()? {
        let (key, value) = entry.ok()?;
        dsc.insert(key.name(), value.unpack(trace_id));
    }
    Some(dsc)
}

/// The value of one known key, as it is encoded on the wire.
pub(crate) fn find(packed: &str, key: DscKey, trace_id: TraceId) -> Option<Cow<'_, str>> {
    let mut entries = Entries::new(packed).ok()?.map_while(Result::ok);
    let (_, value) = entries.find(|(found, _)| *found == EntryKey::Known(key))?;
    Some(value.unpack(trace_id))
}
