//! OTel's own `tracestate` member `ot`: the probability sampling fields `th` and `rv`.
//!
//! Follows [TraceState: Probability Sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).

use opentelemetry::trace::{SpanContext, TraceId};

use crate::sampling::{Randomness, Threshold};
use crate::text::ascii::{hex, StackText};

/// The longest value of a `tracestate` member, in bytes.
const MAX_VALUE_BYTES: usize = 256;

const TH: &str = "th";
const RV: &str = "rv";

/// The fields of one `ot` member: `key ":" value *( ";" key ":" value )`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OtFields<'a> {
    value: &'a str,
    threshold: Option<&'a str>,
    randomness: Option<&'a str>,
    /// Whether one of the two stands twice: readers may differ on which counts.
    repeated: bool,
}

impl<'a> OtFields<'a> {
    pub(crate) fn parse(value: &'a str) -> Self {
        let mut parsed = OtFields { value, ..OtFields::default() };
        for (key, value) in parsed.fields() {
            let field = match key {
                TH => &mut parsed.threshold,
                RV => &mut parsed.randomness,
                _ => continue,
            };
            parsed.repeated |= field.is_some();
            field.get_or_insert(value);
        }
        parsed
    }

    fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.value.split(';').filter_map(|field| field.split_once(':'))
    }

    /// `th`: 1 to 14 lower-case hexadecimal digits, the missing ones are zeros.
    pub(crate) fn threshold(self) -> Option<Threshold> {
        let digits = self.threshold?;
        let missing = 14_usize.checked_sub(digits.len())?;
        lower_hex(digits).map(|bits| Threshold::from_bits(bits << (4 * missing)))
    }

    /// `rv`: 14 lower-case hexadecimal digits.
    pub(crate) fn randomness(self) -> Option<Randomness> {
        let digits = self.randomness.filter(|digits| digits.len() == 14)?;
        lower_hex(digits).map(Randomness::from_rv)
    }

    /// The `th` that holds for a span: it is sampled, and by this threshold.
    pub(crate) fn threshold_of(self, span_context: &SpanContext) -> Option<Threshold> {
        let randomness = self.randomness_of(span_context.trace_id());
        self.threshold().filter(|th| span_context.is_sampled() && randomness.is_sampled_at(*th))
    }

    /// The trace's randomness: `rv`, else the trace id's.
    pub(crate) fn randomness_of(self, trace_id: TraceId) -> Randomness {
        self.randomness().unwrap_or(Randomness::of(trace_id))
    }

    /// Whether `th` or `rv` stands twice.
    pub(crate) fn is_repeated(self) -> bool {
        self.repeated
    }

    /// Whether there is a `th`, valid or not.
    pub(crate) fn has_threshold(self) -> bool {
        self.threshold.is_some()
    }

    /// The member with another `th` and, where it has no valid one, with this `rv`; the other
    /// fields stay as far as there is room. Empty where nothing is left.
    pub(crate) fn rewritten(
        self,
        threshold: Option<Threshold>,
        randomness: Option<Randomness>,
    ) -> OtValue {
        let mut out = OtValue::with_room(MAX_VALUE_BYTES);
        if let Some(bits) = threshold.and_then(Threshold::bits) {
            out.push("th:");
            push_digits(&mut out, bits, 14 - (bits.trailing_zeros() as usize / 4).min(13));
        }
        if let Some(randomness) = self.randomness().or(randomness) {
            out.push(if out.len() > 0 { ";rv:" } else { "rv:" });
            push_digits(&mut out, randomness.as_rv(), 14);
        }
        if self.value.is_empty() {
            return out;
        }
        for (key, value) in self.fields().filter(|(key, _)| *key != TH && *key != RV) {
            // What was last in a value cannot end in a space.
            let value = value.trim_end_matches(' ');
            // Each takes a separator and a colon.
            if out.len() + key.len() + value.len() + 2 <= MAX_VALUE_BYTES {
                push_key(&mut out, key);
                out.push(value);
            }
        }
        out
    }
}

/// The value of an `ot` member under construction.
pub(crate) type OtValue = StackText<MAX_VALUE_BYTES>;

fn push_key(out: &mut OtValue, key: &str) {
    if out.len() > 0 {
        out.push_byte(b';');
    }
    out.push(key);
    out.push_byte(b':');
}

/// The first `count` of the 14 digits of 56 bits.
#[inline]
fn push_digits(out: &mut OtValue, bits: u64, count: usize) {
    let digits = hex(bits << 8);
    out.push_ascii(digits.get(..count).unwrap_or_default());
}

/// The value of at least one digit, and of no more than 64 bits hold.
fn lower_hex(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0, |value, digit| match digit {
        b'0'..=b'9' => Some((value << 4) | u64::from(digit - b'0')),
        b'a'..=b'f' => Some((value << 4) | u64::from(digit - b'a' + 10)),
        _ => None,
    })
}
