//! DSC entries in the alphabet of a `tracestate` value, packed densely: each byte is cloned with
//! every span.
//!
//! ```text
//! entries = *( entry )
//! entry   = const                     ; a known key with its most common value
//!         / hex-code 22BASE64         ; a known key with 32 lower-case hexadecimal digits
//!         / code text ";"             ; a known key
//!         / "u" key "\" text ";"      ; any other key
//! ```
//!
//! A DSC value is made of baggage octets, which have no `;`, `\`, `"` and `,`; a `tracestate`
//! value has no `,` and `=`. So `;` and `\` separate, and `"` stands for `=`.

use opentelemetry::trace::TraceId;

use crate::ascii::parse_hex;
use crate::dsc::{DscKey, DynamicSamplingContext, EntryKey};

/// The most bytes of packed entries: four `tracestate` values.
pub(crate) const MAX_PACKED_BYTES: usize = 1024;

/// The code of a key that the specification does not name.
pub(crate) const UNKNOWN: u8 = b'u';

/// How a value is packed behind its code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// The text behind a leading `0.`.
    Fraction,
    /// 128 bits.
    Hex,
    /// The trace's own id.
    TraceId,
    Const(&'static str),
}

/// The codes; of two for one key the first that can hold the value is taken.
pub(crate) const CODES: [(u8, DscKey, Form); 17] = [
    (b'T', DscKey::TraceId, Form::TraceId),
    (b't', DscKey::TraceId, Form::Text),
    (b'P', DscKey::PublicKey, Form::Hex),
    (b'p', DscKey::PublicKey, Form::Text),
    (b'r', DscKey::SampleRate, Form::Text),
    (b'N', DscKey::SampleRand, Form::Fraction),
    (b'n', DscKey::SampleRand, Form::Text),
    (b'S', DscKey::Sampled, Form::Const("true")),
    (b'F', DscKey::Sampled, Form::Const("false")),
    (b's', DscKey::Sampled, Form::Text),
    (b'l', DscKey::Release, Form::Text),
    (b'E', DscKey::Environment, Form::Const("production")),
    (b'e', DscKey::Environment, Form::Text),
    (b'x', DscKey::Transaction, Form::Text),
    (b'Y', DscKey::ReplayId, Form::Hex),
    (b'y', DscKey::ReplayId, Form::Text),
    (b'o', DscKey::OrgId, Form::Text),
];

/// Packed entries under construction, on the stack.
pub(crate) struct Packed {
    bytes: [u8; MAX_PACKED_BYTES],
    len: usize,
    room: usize,
    overflowed: bool,
}

impl Packed {
    /// At most `room` bytes; no more than [`MAX_PACKED_BYTES`].
    pub(crate) fn with_room(room: usize) -> Self {
        let room = room.min(MAX_PACKED_BYTES);
        Packed { bytes: [0; MAX_PACKED_BYTES], len: 0, room, overflowed: false }
    }

    /// `None` where something did not fit.
    pub(crate) fn as_str(&self) -> Option<&str> {
        let bytes = self.bytes.get(..self.len).filter(|_| !self.overflowed)?;
        std::str::from_utf8(bytes).ok()
    }

    pub(crate) fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        match self.bytes.get_mut(self.len..end) {
            Some(free) if end <= self.room => {
                free.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            _ => self.overflowed = true,
        }
    }

    fn push_byte(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(free) if self.len < self.room => {
                *free = byte;
                self.len += 1;
            }
            _ => self.overflowed = true,
        }
    }

    /// A value's text, `=` as `"`, and the end of its entry.
    fn push_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(equals) = memchr::memchr(b'=', rest.as_bytes()) {
            let (head, tail) = rest.split_at(equals);
            self.push(head);
            self.push_byte(b'"');
            rest = tail.get(1..).unwrap_or_default();
        }
        self.push(rest);
        self.push_byte(b';');
    }

    /// All entries of a DSC whose trace id is `trace_id`.
    pub(crate) fn push_entries(&mut self, dsc: &DynamicSamplingContext<'_>, trace_id: TraceId) {
        for (key, value) in dsc.entries() {
            match key {
                EntryKey::Known(key) => self.push_known(key, value, trace_id),
                EntryKey::Unknown(key) => {
                    self.push_byte(UNKNOWN);
                    self.push(key);
                    self.push_byte(b'\\');
                    self.push_text(value);
                }
            }
        }
    }

    pub(crate) fn push_known(&mut self, key: DscKey, value: &str, trace_id: TraceId) {
        for (code, _, form) in CODES.iter().filter(|(_, k, _)| *k == key) {
            match form {
                Form::Const(text) if *text == value => return self.push_byte(*code),
                Form::Const(_) => {}
                Form::TraceId => {
                    if lower_hex(value) == Some(u128::from_be_bytes(trace_id.to_bytes())) {
                        return self.push_byte(*code);
                    }
                }
                Form::Hex => {
                    if let Some(bits) = lower_hex(value) {
                        self.push_byte(*code);
                        return self.push_base64(bits);
                    }
                }
                Form::Fraction => {
                    if let Some(digits) = value.strip_prefix("0.") {
                        self.push_byte(*code);
                        return self.push_text(digits);
                    }
                }
                Form::Text => {
                    self.push_byte(*code);
                    return self.push_text(value);
                }
            }
        }
    }

    /// 128 bits in 22 digits, the least significant first.
    fn push_base64(&mut self, bits: u128) {
        let mut rest = bits;
        for _ in 0..BASE64_DIGITS {
            let digit = (rest & 0x3f) as u8;
            rest >>= 6;
            self.push_byte(match digit {
                0..=9 => b'0' + digit,
                10..=35 => b'a' + digit - 10,
                36..=61 => b'A' + digit - 36,
                62 => b'-',
                _ => b'_',
            });
        }
    }
}

/// Digits of 128 bits.
pub(crate) const BASE64_DIGITS: usize = 22;

fn lower_hex(value: &str) -> Option<u128> {
    parse_hex::<32>(value).filter(|_| !value.bytes().any(|b| b.is_ascii_uppercase()))
}
