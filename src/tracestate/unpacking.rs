//! Packed DSC entries read again. They may have come from outside: nothing is taken on trust.

use std::borrow::Cow;

use opentelemetry::trace::TraceId;

use crate::text::ascii::{is_graphic_without, push_hex128};
use crate::tracestate::packing::{
    decode_code, text_len, Form, FRACTION, UNKNOWN_KEY, UNKNOWN_VALUE,
};
use crate::wire::baggage::is_key;
use crate::wire::dsc::{names_trace, DynamicSamplingContext, MAX_SENTRY_MEMBERS};
use crate::wire::dsc_key::{DscKey, EntryKey, KeySet};

/// One packed value.
#[derive(Clone, Copy)]
struct PackedValue<'a> {
    form: Form,
    /// As it stands behind the code; empty where the code says it all.
    text: &'a str,
    /// Whether there may be a `"` in it, which stands for `=`.
    quoted: bool,
}

/// The entries of a packed text; ends with an `Err` where it is none of ours.
struct Entries<'a> {
    rest: &'a str,
    /// Whether there is a `"` anywhere.
    quoted: bool,
    /// The known keys so far.
    seen: KeySet,
    count: usize,
}

struct NotPacked;

impl<'a> Entries<'a> {
    fn new(packed: &'a str) -> Result<Self, NotPacked> {
        // Over everything at once, so that no entry has to look again.
        if !is_graphic_without(*b"=,;\\", packed) {
            return Err(NotPacked);
        }
        let quoted = memchr::memchr(b'"', packed.as_bytes()).is_some();
        Ok(Entries { rest: packed, quoted, seen: KeySet::default(), count: 0 })
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a str, NotPacked> {
        if !self.rest.is_char_boundary(len) {
            return Err(NotPacked);
        }
        let (head, tail) = self.rest.split_at(len);
        self.rest = tail;
        Ok(head)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, NotPacked> {
        let byte = *self.rest.as_bytes().first().ok_or(NotPacked)?;
        self.rest = self.rest.get(1..).ok_or(NotPacked)?;
        Ok(byte)
    }

    fn text(&mut self) -> Result<&'a str, NotPacked> {
        let (digits, len) = text_len(self.rest.as_bytes()).ok_or(NotPacked)?;
        self.take(digits)?;
        self.take(len)
    }

    fn entry(&mut self) -> Result<(EntryKey<'a>, PackedValue<'a>), NotPacked> {
        self.count += 1;
        if self.count > MAX_SENTRY_MEMBERS {
            return Err(NotPacked);
        }
        let code = self.byte()?;
        let (key, form) = if code == UNKNOWN_KEY {
            let key = self.text()?;
            if self.byte()? != UNKNOWN_VALUE {
                return Err(NotPacked);
            }
            // A key that has a code of its own would slip past what is checked of that.
            if !is_key(key) || DscKey::from_name(key).is_some() {
                return Err(NotPacked);
            }
            (EntryKey::Unknown(key), Form::Text)
        } else {
            let (key, form) = decode_code(code).ok_or(NotPacked)?;
            if !self.seen.insert(KeySet::of(key)) {
                return Err(NotPacked);
            }
            (EntryKey::Known(key), form)
        };
        let text = match form {
            Form::Text | Form::Fraction => self.text()?,
            _ => "",
        };
        Ok((key, PackedValue { form, text, quoted: self.quoted }))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(EntryKey<'a>, PackedValue<'a>), NotPacked>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (!self.rest.is_empty()).then(|| self.entry())
    }
}

impl<'a> PackedValue<'a> {
    fn unpack(self, trace_id: TraceId) -> Option<Cow<'a, str>> {
        match self.form {
            Form::Text if !self.quoted => Some(self.text.into()),
            _ => {
                let mut value = String::with_capacity(32);
                self.push_to(&mut value, trace_id)?;
                Some(value.into())
            }
        }
    }

    /// `None` where it is none of ours.
    fn push_to(self, out: &mut String, trace_id: TraceId) -> Option<()> {
        match self.form {
            Form::True => out.push_str("true"),
            Form::False => out.push_str("false"),
            Form::Production => out.push_str("production"),
            Form::TraceId => push_hex128(u128::from_be_bytes(trace_id.to_bytes()), out),
            Form::Fraction => {
                out.push_str(FRACTION);
                self.push_text(out);
            }
            Form::Text => self.push_text(out),
        }
        Some(())
    }

    fn push_text(self, out: &mut String) {
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

/// The packed entries as a DSC; `None` where the text is none of ours.
pub(crate) fn unpack(packed: &str, trace_id: TraceId) -> Option<DynamicSamplingContext<'_>> {
    let mut dsc = DynamicSamplingContext::default();
    for entry in Entries::new(packed).ok()? {
        let (key, value) = entry.ok()?;
        dsc.insert(key.name(), value.unpack(trace_id)?);
    }
    Some(dsc)
}

/// Whether the packed trace id is another trace's; nothing behind what is none of ours counts.
pub(crate) fn names_other_trace(packed: &str, trace_id: TraceId) -> bool {
    let entries = Entries::new(packed).into_iter().flatten().map_while(Result::ok);
    let mut ids = entries.filter(|(key, _)| *key == EntryKey::Known(DscKey::TraceId));
    let named = ids.next().filter(|(_, value)| value.form != Form::TraceId);
    let named = named.and_then(|(_, value)| value.unpack(trace_id));
    named.and_then(|id| names_trace(&id, trace_id)) == Some(false)
}
