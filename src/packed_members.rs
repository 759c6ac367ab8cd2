//! Packed entries as `baggage` members: from one text into another, in one pass.

use opentelemetry::trace::TraceId;

use crate::ascii::{hex128, is_graphic_without, parse_base64, BASE64_DIGITS};
use crate::dsc::{trace_id_digits, KnownMembers};
use crate::dsc_key::DscKey;
use crate::packing::{decode_code, text_len, Form, FRACTION};
use crate::unpacking::unpack;

/// The packed entries as `baggage` members; `None` where the text is none of ours, or another
/// trace's.
pub(crate) fn members(packed: &str, trace_id: TraceId) -> Option<String> {
    plain_members(packed, trace_id).or_else(|| {
        let dsc = unpack(packed, trace_id)?;
        (dsc.names_trace(trace_id) != Some(false)).then(|| dsc.to_string())
    })
}

/// What a code stands for, before its packed value.
#[derive(Clone, Copy)]
struct Lead {
    key: DscKey,
    form: Form,
    /// A comma, the key, `=`, and what of the value the code says; padded, as a copy of a length
    /// that the compiler knows is no call.
    text: [u8; LEAD_BYTES],
    len: usize,
}

/// More than each lead takes.
const LEAD_BYTES: usize = 32;

impl Lead {
    const fn of(key: DscKey, form: Form) -> Self {
        let lead = Lead { key, form, text: [b' '; LEAD_BYTES], len: 0 };
        lead.with(",").with(key.member()).with(match form {
            Form::Const(text) => text,
            Form::Fraction => FRACTION,
            Form::Text | Form::Hex | Form::TraceId => "",
        })
    }

    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    const fn with(mut self, text: &str) -> Self {
        let mut place = 0;
        while place < text.len() {
            self.text[self.len] = text.as_bytes()[place];
            self.len += 1;
            place += 1;
        }
        self
    }
}

/// The lead of each code.
static LEADS: [Option<Lead>; 128] = {
    let mut leads = [None; 128];
    let mut code = 0;
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while code < leads.len() {
        if let Some((key, form)) = decode_code(code as u8) {
            leads[code] = Some(Lead::of(key, form));
        }
        code += 1;
    }
    leads
};

/// The same of entries whose values stand as they are, under known keys. Everything else is rare.
fn plain_members(packed: &str, trace_id: TraceId) -> Option<String> {
    /// What all known keys, each of which stands once, take more than packed.
    const EXPANSION_BYTES: usize = 256;
    // A `TraceState` holds no `=` and no `,`.
    if !is_graphic_without(*b";\\\"", packed) {
        return None;
    }
    let mut out: Vec<u8> = Vec::with_capacity(EXPANSION_BYTES + packed.len());
    let mut rest = packed.as_bytes();
    let mut seen = 0_u16;
    while let [code, after_code @ ..] = rest {
        let lead = LEADS.get(usize::from(*code))?.as_ref()?;
        let bit = 1 << lead.key as u16;
        if seen & bit != 0 {
            return None;
        }
        seen |= bit;
        let end = out.len() + lead.len;
        out.extend_from_slice(&lead.text);
        out.truncate(end);
        rest = match lead.form {
            Form::Const(_) => after_code,
            Form::TraceId => {
                out.extend_from_slice(&trace_id_digits(trace_id));
                after_code
            }
            Form::Hex => {
                let (digits, after) = after_code.split_at(BASE64_DIGITS.min(after_code.len()));
                out.extend_from_slice(&hex128(parse_base64(digits.try_into().ok()?)?));
                after
            }
            // It may be another trace's.
            Form::Text if lead.key == DscKey::TraceId => return None,
            Form::Text | Form::Fraction => {
                let (digits, len) = text_len(after_code)?;
                let end = digits + len;
                out.extend_from_slice(after_code.get(digits..end)?);
                after_code.get(end..)?
            }
        };
    }
    if !out.is_empty() {
        // The first comma.
        out.remove(0);
    }
    String::from_utf8(out).ok()
}
