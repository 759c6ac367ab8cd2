//! DSC entries in the alphabet of a `tracestate` value, packed densely: each byte is cloned with
//! every span.
//!
//! ```text
//! entries = *( entry )
//! entry   = const                     ; a known key with its most common value
//!         / code text                 ; a known key
//!         / "u" text "v" text         ; any other key, and its value
//! text    = length *CHAR
//! length  = BASE64                    ; 0 to 62
//!         / "_" 2BASE64               ; up to 4095
//! ```
//!
//! A reader knows where each text ends without a search. A DSC value is made of baggage octets,
//! which have no `"` and `,`; a `tracestate` value has no `,` and `=`. So `"` stands for `=`.

use opentelemetry::trace::TraceId;

use crate::text::ascii::{base64_digit, base64_value, StackText};
use crate::tracestate::status::Marks;
use crate::wire::dsc::{trace_id_digits, DynamicSamplingContext};
use crate::wire::dsc_key::{DscKey, EntryKey};

/// The most bytes of packed entries: four `tracestate` values.
pub(crate) const MAX_PACKED_BYTES: usize = 1024;

/// The codes of a key that the specification does not name, and of its value.
pub(crate) const UNKNOWN_KEY: u8 = b'u';
pub(crate) const UNKNOWN_VALUE: u8 = b'v';

/// The length from which on a text's length has two digits behind this one. More than two can say
/// does not fit in any case.
const LONG: usize = 63;

/// What stands before the digits of a [`Form::Fraction`].
pub(crate) const FRACTION: &str = "0.";

/// How a value is packed behind its code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// The text behind a leading `0.`.
    Fraction,
    /// The trace's own id.
    TraceId,
    True,
    False,
    Production,
}

/// The key of a code, and how its value is packed: what [`Packed::push_known`] wrote.
#[inline]
pub(crate) const fn decode_code(code: u8) -> Option<(DscKey, Form)> {
    Some(match code {
        b'T' => (DscKey::TraceId, Form::TraceId),
        b't' => (DscKey::TraceId, Form::Text),
        b'p' => (DscKey::PublicKey, Form::Text),
        b'r' => (DscKey::SampleRate, Form::Text),
        b'N' => (DscKey::SampleRand, Form::Fraction),
        b'n' => (DscKey::SampleRand, Form::Text),
        b'S' => (DscKey::Sampled, Form::True),
        b'F' => (DscKey::Sampled, Form::False),
        b's' => (DscKey::Sampled, Form::Text),
        b'l' => (DscKey::Release, Form::Text),
        b'E' => (DscKey::Environment, Form::Production),
        b'e' => (DscKey::Environment, Form::Text),
        b'x' => (DscKey::Transaction, Form::Text),
        b'y' => (DscKey::ReplayId, Form::Text),
        b'o' => (DscKey::OrgId, Form::Text),
        _ => return None,
    })
}

/// How many digits a text begins with, and how many bytes follow; `None` where it is no text.
#[inline]
pub(crate) fn text_len(packed: &[u8]) -> Option<(usize, usize)> {
    let digit = |place: usize| packed.get(place).copied().map(base64_value).map(usize::from);
    match digit(0)? {
        len if len < LONG => Some((1, len)),
        LONG => {
            let (high, low) = (digit(1)?, digit(2)?);
            let len = (high << 6) | low;
            // One text has one form.
            (high.max(low) <= LONG && len >= LONG).then_some((3, len))
        }
        _ => None,
    }
}

/// Packed entries under construction.
pub(crate) type Packed = StackText<MAX_PACKED_BYTES>;

impl Packed {
    /// Marks, before any entry.
    pub(crate) fn of(marks: Marks, room: usize) -> Self {
        let mut packed = Packed::with_room(room);
        for byte in marks.to_bytes() {
            packed.push_byte(byte);
        }
        packed
    }

    /// Other marks before the same entries.
    pub(crate) fn set_marks(&mut self, marks: Marks) {
        self.overwrite_start(marks.to_bytes());
    }

    /// Puts `"` for `=`, of all entries at once: nothing but values has it.
    #[inline]
    pub(crate) fn quote(&mut self) {
        self.replace_byte(b'=', b'"');
    }

    /// A code, and the text behind it.
    #[inline]
    fn push_text(&mut self, code: u8, text: &str) {
        let len = text.len();
        if len < LONG {
            self.push_behind([code, base64_digit(len)], text);
        } else {
            self.push_long_text(code, text);
        }
    }

    #[inline(never)]
    fn push_long_text(&mut self, code: u8, text: &str) {
        let len = text.len();
        let digits = [base64_digit(LONG), base64_digit(len >> 6), base64_digit(len)];
        self.push_byte(code);
        self.push_behind(digits, text);
    }

    /// All entries of a DSC whose trace id is `trace_id`.
    #[inline]
    pub(crate) fn push_entries(&mut self, dsc: &DynamicSamplingContext<'_>, trace_id: TraceId) {
        let own_id = trace_id_digits(trace_id);
        for (key, value) in dsc.entries() {
            if self.is_overflowed() {
                return;
            }
            match key {
                EntryKey::Known(key) => self.push_known(key, value, &own_id),
                EntryKey::Unknown(key) => {
                    self.push_text(UNKNOWN_KEY, key);
                    self.push_text(UNKNOWN_VALUE, value);
                }
            }
        }
        self.quote();
    }

    /// One entry, in the densest form that can hold its value; not [quoted](Self::quote) yet.
    /// `own_id` are the digits of the trace's id.
    // The compiler finds it too large, but it stands in the two loops over all entries.
    #[inline(always)]
    pub(crate) fn push_known(&mut self, key: DscKey, value: &str, own_id: &[u8; 32]) {
        match (key, value) {
            (DscKey::TraceId, _) if value.as_bytes() == own_id => self.push_byte(b'T'),
            (DscKey::TraceId, _) => self.push_text(b't', value),
            (DscKey::PublicKey, _) => self.push_text(b'p', value),
            (DscKey::SampleRate, _) => self.push_text(b'r', value),
            (DscKey::SampleRand, _) => match value.strip_prefix(FRACTION) {
                Some(digits) => self.push_text(b'N', digits),
                None => self.push_text(b'n', value),
            },
            (DscKey::Sampled, "true") => self.push_byte(b'S'),
            (DscKey::Sampled, "false") => self.push_byte(b'F'),
            (DscKey::Sampled, _) => self.push_text(b's', value),
            (DscKey::Release, _) => self.push_text(b'l', value),
            (DscKey::Environment, "production") => self.push_byte(b'E'),
            (DscKey::Environment, _) => self.push_text(b'e', value),
            (DscKey::Transaction, _) => self.push_text(b'x', value),
            (DscKey::ReplayId, _) => self.push_text(b'y', value),
            (DscKey::OrgId, _) => self.push_text(b'o', value),
        }
    }
}
