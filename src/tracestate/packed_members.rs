//! Packed entries as `baggage` members: from one text into another, in one pass.

use opentelemetry::trace::TraceId;

use crate::text::ascii::is_graphic_without;
use crate::tracestate::packing::{decode_code, text_len, Form, FRACTION};
use crate::tracestate::unpacking::unpack;
use crate::wire::dsc::KnownMembers;
use crate::wire::dsc_key::{DscKey, KeySet};

/// The packed entries as `baggage` members; `None` where the text is none of ours, or another
/// trace's than that of `trace_id`, whose digits are `own_id`.
#[inline(never)]
pub(crate) fn members(packed: &str, trace_id: TraceId, own_id: &str) -> Option<String> {
    let start = || String::with_capacity(EXPANSION_BYTES + packed.len());
    let Some((mut out, _)) = with_plain_members(start, packed, own_id, |_, _| ()) else {
        let dsc = unpack(packed, trace_id)?;
        return (dsc.names_trace(trace_id) != Some(false)).then(|| dsc.to_string());
    };
    if !out.is_empty() {
        // The first comma.
        out.remove(0);
    }
    Some(out)
}

/// What all known keys, each of which stands once, take more than packed.
pub(crate) const EXPANSION_BYTES: usize = 256;

/// What each code stands for, where its value can be taken as it is.
static CODES: [Option<Code>; 128] = {
    let mut codes = [None; 128];
    let mut code = 0;
    // Evaluated by the compiler.
    #[allow(clippy::indexing_slicing)]
    while code < codes.len() {
        codes[code] = match decode_code(code as u8) {
            // It may be another trace's.
            Some((DscKey::TraceId, Form::Text)) | None => None,
            Some((key, form)) => Some(Code { key, form, set: KeySet::of(key) }),
        };
        code += 1;
    }
    codes
};

#[derive(Clone, Copy)]
struct Code {
    key: DscKey,
    form: Form,
    /// The key again, as the loop wants it.
    set: KeySet,
}

/// Whether packed entries are made of baggage octets alone, with nothing that stands for another.
// Not inlined: between other code it is vector code by chance only.
#[inline(never)]
fn is_plain(packed: &str) -> bool {
    // A `TraceState` holds no `=` and no `,`.
    is_graphic_without(*b";\\\"", packed)
}

/// A list with entries whose values stand as they are, under known keys: each a comma and a member,
/// behind what `before` puts there. Gives the keys too; `None` where something is less common.
#[inline]
pub(crate) fn with_plain_members(
    start: impl FnOnce() -> String,
    packed: &str,
    own_id: &str,
    before: impl Fn(DscKey, &mut String),
) -> Option<(String, KeySet)> {
    let mut list = is_plain(packed).then(start)?;
    let bytes = packed.as_bytes();
    let mut place = 0;
    let mut seen = KeySet::default();
    while let Some(code) = bytes.get(place) {
        let code = CODES.get(usize::from(*code))?.as_ref()?;
        if !seen.insert(code.set) {
            return None;
        }
        before(code.key, &mut list);
        code.key.push_member(&mut list);
        place += 1;
        match code.form {
            Form::True => list.push_str("true"),
            Form::False => list.push_str("false"),
            Form::Production => list.push_str("production"),
            Form::TraceId => list.push_str(own_id),
            Form::Text | Form::Fraction => {
                if code.form == Form::Fraction {
                    list.push_str(FRACTION);
                }
                let (digits, len) = text_len(bytes.get(place..)?)?;
                let start = place + digits;
                place = start + len;
                list.push_str(packed.get(start..place)?);
            }
        }
    }
    Some((list, seen))
}
