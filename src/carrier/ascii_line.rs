//! A header line's bytes as text, so that one byte outside ASCII does not hide the whole line.

use std::borrow::Cow;
use std::str;

use percent_encoding::percent_encode_byte;

use crate::wire::baggage::{BAGGAGE_HEADER, MAX_BAGGAGE_BYTES};
use crate::wire::traceparent::TRACESTATE_HEADER;

/// A line as ASCII. What is outside ASCII is percent-encoded as UTF-8: text that is UTF-8, and
/// every other byte as the Latin-1 character that it stands for, as HTTP once had it.
///
/// Percent-encoded bytes that are not UTF-8 would be a warning per request in OTel's own
/// `BaggagePropagator`, and lost to it.
///
/// Common case: the line is ASCII and is borrowed. Of any other line only so much is read that it
/// is still longer than a reader of ours looks at.
pub(crate) fn ascii_line(line: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(line) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(encoded(line.get(..=MAX_BAGGAGE_BYTES).unwrap_or(line))),
    }
}

/// A line as ASCII, but `tracestate` as it is, in UTF-8 or Latin-1: its values are not percent-encoded,
/// so that a member outside ASCII must go, not change.
pub(crate) fn line_text<'a>(name: &str, line: &'a [u8]) -> Cow<'a, str> {
    if name.eq_ignore_ascii_case(BAGGAGE_HEADER) {
        return match ascii_line(line) {
            Cow::Owned(encoded) => Cow::Owned(without_foreign_keys(&encoded, line)),
            ascii => ascii,
        };
    }
    if !name.eq_ignore_ascii_case(TRACESTATE_HEADER) {
        return ascii_line(line);
    }
    match str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => line.iter().copied().take(MAX_BAGGAGE_BYTES + 1).map(char::from).collect(),
    }
}

/// An encoded `baggage` line without the members whose keys were not ASCII: each would be another
/// key now.
fn without_foreign_keys(encoded: &str, line: &[u8]) -> String {
    let is_ascii_key = |member: &[u8]| {
        let key = member.split(|byte| *byte == b'=').next().unwrap_or_default();
        key.is_ascii()
    };
    // Encoding adds no comma: the members are the same ones.
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
