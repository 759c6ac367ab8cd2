//! The W3C `baggage` list: its limits, its members, its encoding.

use std::borrow::Cow;

use percent_encoding::{utf8_percent_encode, AsciiSet, PercentEncode, CONTROLS, NON_ALPHANUMERIC};

use crate::text::chars::{graphic_len, split_equals, split_list, trim_ows};

/// Name of the `baggage` header.
pub const BAGGAGE_HEADER: &str = "baggage";

/// The longest list that is read or written, in bytes
/// ([W3C Baggage, limits](https://www.w3.org/TR/baggage/#limits)).
pub(crate) const MAX_BAGGAGE_BYTES: usize = 8192;

/// The most members that are written ([W3C Baggage, limits](https://www.w3.org/TR/baggage/#limits)).
/// Reading has a limit of its own, for Sentry's members: `MAX_SENTRY_MEMBERS` in `dsc.rs`.
pub(crate) const MAX_BAGGAGE_MEMBERS: usize = 64;

/// Everything outside RFC 3986's unreserved characters: `+` too, which some SDKs read as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Everything outside `baggage-octet` (`%x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E`). `%` stays:
/// the text is percent-encoded already.
const NOT_BAGGAGE_OCTET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\');

/// The part of repeated headers that is read: whole members within [`MAX_BAGGAGE_BYTES`] of all
/// lines joined with `,`.
///
/// ```text
/// baggage-string = list-member 0*179( OWS "," OWS list-member )
/// ```
pub(crate) fn within_limit<'a>(
    lines: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    let mut left = Some(MAX_BAGGAGE_BYTES);
    lines.into_iter().map_while(move |line| {
        let room = left?;
        if line.len() <= room {
            left = room.checked_sub(line.len() + 1);
            return Some(line);
        }
        left = None;
        // A comma right behind the room still ends a member that fits.
        let window = line.as_bytes().get(..=room)?;
        line.get(..memchr::memrchr(b',', window)?)
    })
}

/// The members of one list, without the white space around them.
pub(crate) fn members(list: &str) -> impl Iterator<Item = &str> {
    split_list(list, b',').map(trim_ows).filter(|member| !member.is_empty())
}

/// The key of a member, and everything behind its `=`.
///
/// ```text
/// list-member = key OWS "=" OWS value *( OWS ";" OWS property )
/// ```
pub(crate) fn split_member(member: &str) -> Option<(&str, &str)> {
    let (key, rest) = split_equals(member)?;
    Some((trim_ows(key), trim_ows(rest)))
}

/// The key of a member; empty if it has none.
pub(crate) fn key(member: &str) -> &str {
    split_equals(member).map_or("", |(key, _)| trim_ows(key))
}

/// Whether a list has no white space, no properties, and nothing to encode: then its keys and
/// values can be used unchanged.
#[cfg(feature = "http")]
pub(crate) fn is_plain(list: &str) -> bool {
    graphic_len(*b"\";\\", list) == list.len()
}

/// How many bytes at the start of a text are baggage octets.
#[inline]
pub(crate) fn octets_len(text: &str) -> usize {
    graphic_len(*b",\";\\", text)
}

/// Whether a text has only baggage octets, so that nothing of it needs encoding.
pub(crate) fn is_octets(text: &str) -> bool {
    octets_len(text) == text.len()
}

/// A value without its properties, and with everything that is not a baggage octet encoded.
pub(crate) fn octets(value: &str) -> Cow<'_, str> {
    // Common case: nothing to cut and nothing to encode.
    if is_octets(value) {
        return Cow::Borrowed(value);
    }
    let value = value.split(';').next().map_or("", trim_ows);
    encode_octets(value).into()
}

/// Everything that is not a baggage octet encoded.
pub(crate) fn encode_octets(value: &str) -> PercentEncode<'_> {
    utf8_percent_encode(value, NOT_BAGGAGE_OCTET)
}

/// Whether a text is a member's or a property's key: a `token` of RFC 9110, section 5.6.2.
pub(crate) fn is_key(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

/// A plain text as a member's value.
pub(crate) fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

/// A list with its control characters encoded, which no header can hold; the rest is unchanged.
#[cfg(feature = "http")]
pub(crate) fn header_text(list: &str) -> Cow<'_, str> {
    utf8_percent_encode(list, CONTROLS).into()
}

/// The decoded value of a member; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    // Common case: nothing to decode.
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    percent_encoding::percent_decode_str(value).decode_utf8_lossy()
}
