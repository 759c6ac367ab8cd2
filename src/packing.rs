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

use crate::ascii::{parse_lower_hex, StackText};
use crate::dsc::DynamicSamplingContext;
use crate::dsc_key::{DscKey, EntryKey};

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

/// Every code; of two for one key the first that can hold the value is taken.
const CODES: [(u8, DscKey, Form); 17] = [
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

/// Where in [`CODES`] those of each key begin.
const FIRST: [u8; 10] = {
    let mut first = [0; 10];
    let mut place = CODES.len();
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while place > 0 {
        place -= 1;
        first[CODES[place].1 as usize] = place as u8;
    }
    first
};

/// Where in [`CODES`] each code stands; past its end for what is no code.
const PLACES: [u8; 128] = {
    let mut places = [CODES.len() as u8; 128];
    let mut place = 0;
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while place < CODES.len() {
        places[CODES[place].0 as usize] = place as u8;
        place += 1;
    }
    places
};

/// The key of a code, and how its value is packed.
#[inline]
pub(crate) fn decode_code(code: u8) -> Option<(DscKey, Form)> {
    let place = PLACES.get(usize::from(code))?;
    CODES.get(usize::from(*place)).map(|(_, key, form)| (*key, *form))
}

/// Packed entries under construction.
pub(crate) type Packed = StackText<MAX_PACKED_BYTES>;

impl Packed {
    /// A value's text, `=` as `"`, and the end of its entry.
    #[inline]
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
    #[inline]
    pub(crate) fn push_entries(&mut self, dsc: &DynamicSamplingContext<'_>, trace_id: TraceId) {
        for (key, value) in dsc.entries() {
            if self.is_overflowed() {
                return;
            }
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

    #[inline]
    pub(crate) fn push_known(&mut self, key: DscKey, value: &str, trace_id: TraceId) {
        let first = FIRST.get(key as usize).copied().unwrap_or_default();
        for (code, _, form) in CODES.iter().skip(first.into()) {
            match form {
                Form::Const(text) if *text == value => return self.push_byte(*code),
                Form::Const(_) => {}
                Form::TraceId => {
                    let trace_id = u128::from_be_bytes(trace_id.to_bytes());
                    if parse_lower_hex::<32>(value) == Some(trace_id) {
                        return self.push_byte(*code);
                    }
                }
                Form::Hex => {
                    if let Some(bits) = parse_lower_hex::<32>(value) {
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
}
