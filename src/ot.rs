//! OTel's own `tracestate` member `ot`: the probability sampling fields `th` and `rv`.
//!
//! Follows [TraceState: Probability Sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).

use opentelemetry::trace::{SpanContext, TraceId};

use crate::ascii::{parse_hex, push_hex};
use crate::sampling::{Randomness, Threshold};

/// The longest value of a `tracestate` member, in bytes.
const MAX_VALUE_BYTES: usize = 256;

const TH: &str = "th";
const RV: &str = "rv";

/// The fields of one `ot` member: `key ":" value *( ";" key ":" value )`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OtFields<'a> {
    value: &'a str,
}

impl<'a> OtFields<'a> {
    pub(crate) fn parse(value: &'a str) -> Self {
        OtFields { value }
    }

    fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.value.split(';').filter_map(|field| field.split_once(':'))
    }

    fn get(self, key: &str) -> Option<&'a str> {
        self.fields().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// `th`: 1 to 14 lower-case hexadecimal digits, the missing ones are zeros.
    pub(crate) fn threshold(self) -> Option<Threshold> {
        let digits = self.get(TH).filter(|digits| is_lower_hex(digits))?;
        let bits = u64::from_str_radix(digits, 16).ok()?;
        let missing = 14_usize.checked_sub(digits.len())?;
        Some(Threshold::from_bits(bits << (4 * missing)))
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

    /// Whether there is a `th`, valid or not.
    pub(crate) fn has_threshold(self) -> bool {
        self.get(TH).is_some()
    }

    /// `rv`: 14 lower-case hexadecimal digits.
    pub(crate) fn randomness(self) -> Option<Randomness> {
        let digits = self.get(RV).filter(|digits| is_lower_hex(digits))?;
        parse_hex::<14>(digits).map(|bits| Randomness::from_rv(bits as u64))
    }

    /// The member with another `th` and, where it has no valid one, with this `rv`; the other
    /// fields stay as far as there is room. `None` where nothing is left.
    pub(crate) fn rewritten(
        self,
        threshold: Option<Threshold>,
        randomness: Option<Randomness>,
    ) -> Option<String> {
        let own_rv = self.randomness();
        let mut out = String::with_capacity(40);
        if let Some(bits) = threshold.and_then(Threshold::bits) {
            push_field(&mut out, TH);
            let start = out.len();
            push_hex::<14>(bits.into(), &mut out);
            let digits = out.trim_end_matches('0').len();
            out.truncate(digits.max(start + 1));
        }
        if let Some(randomness) = own_rv.or(randomness) {
            push_field(&mut out, RV);
            push_hex::<14>(randomness.as_rv().into(), &mut out);
        }
        for (key, value) in self.fields().filter(|(key, _)| *key != TH && *key != RV) {
            if out.len() + key.len() + value.len() + 2 > MAX_VALUE_BYTES {
                break;
            }
            push_field(&mut out, key);
            out.push_str(value);
        }
        (!out.is_empty()).then_some(out)
    }
}

fn push_field(out: &mut String, key: &str) {
    if !out.is_empty() {
        out.push(';');
    }
    out.push_str(key);
    out.push(':');
}

fn is_lower_hex(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
