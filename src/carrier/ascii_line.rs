//! A header line's bytes as text, so that one byte outside ASCII does not hide the whole line.

use std::borrow::Cow;
use std::str;

use percent_encoding::percent_encode_byte;

use crate::wire::baggage::{BAGGAGE_HEADER, MAX_BAGGAGE_BYTES};
use crate::wire::traceparent::TRACESTATE_HEADER;

/// A line as ASCII. Characters outside ASCII are percent-encoded as UTF-8. A byte that is not UTF-8
/// stands for a Latin-1 character: percent-encoded as it is, it would make OTel's
/// `BaggagePropagator` warn at each request.
///
/// Common case: the line is ASCII and is borrowed. Any other line is cut just above the limit of our
/// readers, so that they still see that it is too long.
pub(crate) fn ascii_line(line: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(line) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(encoded(line.get(..=MAX_BAGGAGE_BYTES).unwrap_or(line))),
    }
}

/// A line as ASCII, but `tracestate` as it is, in UTF-8 or Latin-1: its values are not
/// percent-encoded, so a member outside ASCII must be dropped, not changed.
pub(crate) fn line_text<'a>(name: &str, line: &'a [u8]) -> Cow<'a, str> {
    if name.eq_ignore_ascii_case(TRACESTATE_HEADER) {
        return match str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => line.iter().copied().take(MAX_BAGGAGE_BYTES + 1).map(char::from).collect(),
        };
    }
    match ascii_line(line) {
        Cow::Owned(encoded) if name.eq_ignore_ascii_case(BAGGAGE_HEADER) => {
            Cow::Owned(with_ascii_keys(&encoded, line))
        }
        text => text,
    }
}

/// An encoded `baggage` line without the members whose keys were not ASCII: encoded, they are other
/// keys.
fn with_ascii_keys(encoded: &str, line: &[u8]) -> String {
    let is_ascii_key = |member: &[u8]| {
        let key = member.split(|byte| *byte == b'=').next().unwrap_or_default();
        key.is_ascii()
    };
    // Encoding adds no comma, so both have the same members.
    let members = encoded.split(',').zip(line.split(|byte| *byte == b','));
    let kept = members.filter(|(_, bytes)| is_ascii_key(bytes)).map(|(member, _)| member);
    kept.collect::<Vec<_>>().join(",")
}

fn encoded(mut line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    loop {
        let valid = match str::from_utf8(line) {
            Ok(valid) => valid,
            Err(error) => valid_part(line, error),
        };
        valid.chars().for_each(|character| push(character, &mut text));
        let Some((byte, rest)) = line.get(valid.len()..).and_then(<[u8]>::split_first) else {
            return text;
        };
        push(char::from(*byte), &mut text);
        line = rest;
    }
}

fn valid_part(line: &[u8], error: str::Utf8Error) -> &str {
    let valid = line.get(..error.valid_up_to()).unwrap_or_default();
    str::from_utf8(valid).unwrap_or_default()
}

fn push(character: char, text: &mut String) {
    if character.is_ascii() {
        text.push(character);
    } else {
        let mut utf8 = [0; 4];
        text.extend(character.encode_utf8(&mut utf8).bytes().map(percent_encode_byte));
    }
}
