//! OTel's own `tracestate` member `ot`: the probability sampling fields `th` and `rv`.
//!
//! Follows [TraceState: Probability Sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).

use opentelemetry::trace::{SpanContext, TraceId};

use crate::sampling::randomness::{Randomness, Threshold};
use crate::text::chars::{split_key, split_list};
use crate::text::hex::{parse_lower_hex, to_hex};

/// The longest value of a `tracestate` member, in bytes
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#value)).
pub(crate) const MAX_VALUE_BYTES: usize = 256;

/// The digits of 56 bits.
const DIGITS: usize = 14;

/// The most bytes that `th` and `rv` take, separators included.
const ADDED_BYTES: usize = 36;

const TH: &str = "th";
const RV: &str = "rv";

/// The fields of one `ot` member: `key ":" value *( ";" key ":" value )`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OtFields<'a> {
    value: &'a str,
    threshold: Option<&'a str>,
    randomness: Option<&'a str>,
    /// Whether one of the two occurs twice: readers may differ on which they use.
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

    /// The whole member's value; empty if there is no member.
    pub(crate) fn value(self) -> &'a str {
        self.value
    }

    fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        split_list(self.value, b';').filter_map(|field| split_key(field, b':'))
    }

    /// `th`: 1 to 14 lower-case hexadecimal digits; missing trailing ones are zeros.
    pub(crate) fn threshold(self) -> Option<Threshold> {
        let digits = self.threshold?;
        let missing = DIGITS.checked_sub(digits.len())?;
        parse_lower_hex(digits).map(|bits| Threshold::from_bits(bits << (4 * missing)))
    }

    /// `rv`: 14 lower-case hexadecimal digits.
    pub(crate) fn randomness(self) -> Option<Randomness> {
        let digits = self.randomness.filter(|digits| digits.len() == DIGITS)?;
        parse_lower_hex(digits).map(Randomness::from_rv)
    }

    /// The `th`, if it holds for a trace: the trace is sampled, and its randomness reaches this
    /// threshold. A `th` that the decision contradicts is false, and gets erased.
    pub(crate) fn threshold_for(self, trace_id: TraceId, sampled: bool) -> Option<Threshold> {
        let randomness = self.randomness_of(trace_id);
        self.threshold().filter(|threshold| sampled && randomness.is_sampled_at(*threshold))
    }

    /// The `th`, if it holds for a span.
    pub(crate) fn threshold_of(self, span_context: &SpanContext) -> Option<Threshold> {
        self.threshold_for(span_context.trace_id(), span_context.is_sampled())
    }

    /// The trace's randomness: `rv`, else the trace id's.
    pub(crate) fn randomness_of(self, trace_id: TraceId) -> Randomness {
        self.randomness().unwrap_or(Randomness::of(trace_id))
    }

    /// Whether there is a `th`, valid or not.
    pub(crate) fn has_threshold(self) -> bool {
        self.threshold.is_some()
    }

    /// The member's new value with this `th`, or none, and with `added` as `rv` if it has no valid
    /// one; `None` if nothing changes.
    pub(crate) fn with(
        self,
        threshold: Option<Threshold>,
        added: Option<Randomness>,
    ) -> Option<String> {
        let says_so = self.threshold() == threshold
            && self.has_threshold() == threshold.is_some()
            && added.is_none()
            && !self.repeated;
        (!says_so).then(|| self.rewritten(threshold, added))
    }

    /// The member's new value without a false `th`, one that does not hold for this span; `None` if
    /// nothing changes.
    pub(crate) fn with_what_holds(self, span_context: &SpanContext) -> Option<String> {
        self.with(self.threshold_of(span_context), None)
    }

    /// [`with`](Self::with), always written anew. Other fields are kept as far as there is room.
    /// Empty if no field is left.
    fn rewritten(self, threshold: Option<Threshold>, randomness: Option<Randomness>) -> String {
        let mut value = Vec::with_capacity(ADDED_BYTES + self.value.len());
        if let Some(bits) = threshold.map(Threshold::bits) {
            let digits = DIGITS - (bits.trailing_zeros() as usize / 4).min(DIGITS - 1);
            push_key(&mut value, TH);
            push_digits(&mut value, bits, digits);
        }
        if let Some(randomness) = self.randomness().or(randomness) {
            push_key(&mut value, RV);
            push_digits(&mut value, randomness.as_rv(), DIGITS);
        }
        for (key, field) in self.fields().filter(|(key, _)| *key != TH && *key != RV) {
            // The last field of a value must not end in a space.
            let field = field.trim_end_matches(' ');
            // Each takes a separator and a colon.
            if value.len() + key.len() + field.len() + 2 <= MAX_VALUE_BYTES {
                push_key(&mut value, key);
                value.extend_from_slice(field.as_bytes());
            }
        }
        String::from_utf8(value).unwrap_or_default()
    }
}

fn push_key(value: &mut Vec<u8>, key: &str) {
    if !value.is_empty() {
        value.push(b';');
    }
    value.extend_from_slice(key.as_bytes());
    value.push(b':');
}

/// The first `count` of the digits of 56 bits.
fn push_digits(value: &mut Vec<u8>, bits: u64, count: usize) {
    let digits: [u8; 16] = to_hex((bits << 8).to_be_bytes());
    value.extend_from_slice(digits.get(..count).unwrap_or_default());
}
