//! The W3C `baggage` list: its members, its encoding, its limits.

use std::borrow::Cow;

use opentelemetry::baggage::BaggageMetadata;
use percent_encoding::{utf8_percent_encode, AsciiSet, CONTROLS, NON_ALPHANUMERIC};

use crate::text::ascii::{is_graphic_without, trim_ows};

/// Name of the `baggage` header.
pub const BAGGAGE_HEADER: &str = "baggage";

/// The longest list that is read or written, in bytes
/// ([W3C Baggage, limits](https://www.w3.org/TR/baggage/#limits)).
pub(crate) const MAX_BAGGAGE_BYTES: usize = 8192;

/// The most members that are written ([W3C Baggage, limits](https://www.w3.org/TR/baggage/#limits)).
pub(crate) const MAX_BAGGAGE_MEMBERS: usize = 64;

/// Everything outside RFC 3986's unreserved characters: `+` too, which some SDKs read as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Everything outside `baggage-octet` (`%x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E`). `%` stays:
/// it is somebody else's encoding.
const NOT_BAGGAGE_OCTET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\');

/// A member of a list, as it stands.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) text: &'a str,
    /// Whether it is known to be made of baggage octets alone: no space, no property.
    plain: bool,
}

impl<'a> Member<'a> {
    /// What stands where the member has its key, and where it has its value, as it may be sent
    /// again: its properties are cut off, and what is no baggage octet is encoded.
    ///
    /// ```text
    /// list-member = key OWS "=" OWS value *( OWS ";" OWS property )
    /// key         = token          ; RFC 9110, section 5.6.2
    /// ```
    #[inline]
    pub(crate) fn key_value(self) -> Option<(&'a str, Cow<'a, str>)> {
        if self.plain {
            return split_equals(self.text).map(|(key, value)| (key, Cow::Borrowed(value)));
        }
        let (key, value) = split_equals(trim_ows(self.text))?;
        Some((trim_ows(key), octets(trim_ows(value))))
    }
}

#[inline]
fn split_equals(member: &str) -> Option<(&str, &str)> {
    // Keys are short: a loop beats a search that has to be set up.
    let equals = member.bytes().position(|byte| byte == b'=')?;
    Some((member.get(..equals)?, member.get(equals + 1..)?))
}

/// The members of one list that is to be sent, of any length.
pub(crate) fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(trim_ows).filter(|member| !member.is_empty())
}

/// The key of a member; empty where it has none.
pub(crate) fn key(member: &str) -> &str {
    split_equals(member).map_or("", |(key, _)| trim_ows(key))
}

/// A value without its properties, and with what is no baggage octet encoded.
fn octets(value: &str) -> Cow<'_, str> {
    let value = value.split(';').next().map_or("", trim_ows);
    utf8_percent_encode(value, NOT_BAGGAGE_OCTET).into()
}

/// The members of a list that may be spread over several headers.
///
/// ```text
/// baggage-string = list-member 0*179( OWS "," OWS list-member )
/// ```
///
/// Ends before the first member that does not end within [`MAX_BAGGAGE_BYTES`] of the headers
/// joined with `,`.
pub(crate) struct Members<'a, I> {
    lines: I,
    rest: Option<Member<'a>>,
    /// `None` where not even an empty member may follow.
    left: Option<usize>,
}

impl<'a, I: Iterator<Item = &'a str>> Members<'a, I> {
    pub(crate) fn new(lines: impl IntoIterator<IntoIter = I>) -> Self {
        Members { lines: lines.into_iter(), rest: None, left: Some(MAX_BAGGAGE_BYTES) }
    }
}

impl<'a, I: Iterator<Item = &'a str>> Iterator for Members<'a, I> {
    type Item = Member<'a>;

    #[inline]
    fn next(&mut self) -> Option<Member<'a>> {
        let left = self.left?;
        let Member { text: list, plain } = match self.rest.take() {
            Some(rest) => rest,
            None => {
                let text = self.lines.next()?;
                // One pass over the line spares each member a look at spaces and properties.
                Member { text, plain: is_plain(text) }
            }
        };
        // What can still be read, and the byte behind that.
        let window = list.as_bytes().get(..=left).unwrap_or(list.as_bytes());
        let text = match memchr::memchr(b',', window) {
            Some(comma) => {
                self.rest = list.get(comma + 1..).map(|text| Member { text, plain });
                list.get(..comma)?
            }
            None if list.len() <= left => list,
            None => {
                self.left = None;
                return None;
            }
        };
        self.left = left.checked_sub(text.len() + 1);
        Some(Member { text, plain })
    }
}

/// Whether a list is made of baggage octets alone, and within the limit.
#[inline]
fn is_plain(list: &str) -> bool {
    list.len() <= MAX_BAGGAGE_BYTES && is_graphic_without(*b"\";\\", list)
}

/// The members of a whole list whose keys and values can be taken as they stand; `None` where some
/// cannot.
#[inline]
pub(crate) fn plain_members(list: &str) -> Option<PlainMembers<'_>> {
    is_plain(list).then_some(PlainMembers { rest: Some(list) })
}

pub(crate) struct PlainMembers<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for PlainMembers<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let list = self.rest?;
        let comma = memchr::memchr(b',', list.as_bytes());
        self.rest = comma.and_then(|comma| list.get(comma + 1..));
        list.get(..comma.unwrap_or(list.len()))
    }
}

/// Whether a text is a member's key.
pub(crate) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A list as it stands, with what no header can hold encoded.
pub(crate) fn header_text(list: &str) -> Cow<'_, str> {
    utf8_percent_encode(list, CONTROLS).into()
}

/// A plain text as a member's value.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ENCODED).into()
}

/// The text that a member's value stands for; bytes that are no UTF-8 become U+FFFD.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    percent_encoding::percent_decode_str(value).decode_utf8_lossy()
}

/// A list to be sent: other parties' members as far as there is room, then those that must stay.
pub(crate) struct OutgoingList {
    list: String,
    members: usize,
    /// The members that must stay: Sentry's.
    reserved: String,
    /// Whether something did not fit.
    pub(crate) overflowed: bool,
}

impl OutgoingList {
    pub(crate) fn before(reserved: String) -> Self {
        /// For what most services put into their baggage.
        const ROOM_BYTES: usize = 128;
        OutgoingList {
            list: String::with_capacity(reserved.len() + ROOM_BYTES),
            members: 0,
            reserved,
            overflowed: false,
        }
    }

    /// Appends a member of OTel's own baggage, percent-encoded, if it fits whole.
    pub(crate) fn push(&mut self, key: &str, value: &str, metadata: &BaggageMetadata) {
        let start = self.list.len();
        if start > 0 {
            self.list.push(',');
        }
        // OTel's propagators decode keys, so `%` must be encoded there too.
        if !key.bytes().any(|byte| byte == b'%') {
            self.list.push_str(key);
        } else {
            self.list.push_str(&key.replace('%', "%25"));
        }
        self.list.push('=');
        self.list.extend(utf8_percent_encode(value, ENCODED));
        if !metadata.as_str().is_empty() {
            self.push_properties(metadata);
        }
        self.keep_if_it_fits(start);
    }

    /// Appends somebody else's member as it is, if it fits whole; only what no header can hold is
    /// encoded.
    pub(crate) fn push_as_is(&mut self, member: &str) {
        let start = self.list.len();
        if start > 0 {
            self.list.push(',');
        }
        self.list.push_str(&header_text(member));
        self.keep_if_it_fits(start);
    }

    fn push_properties(&mut self, metadata: &BaggageMetadata) {
        for property in metadata.as_str().split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = match property.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (property, None),
            };
            self.list.push(';');
            self.list.extend(utf8_percent_encode(key.trim(), ENCODED));
            if let Some(value) = value {
                self.list.push('=');
                self.list.extend(utf8_percent_encode(value.trim(), ENCODED));
            }
        }
    }

    fn keep_if_it_fits(&mut self, start: usize) {
        let comma = usize::from(!self.reserved.is_empty());
        let bytes = self.list.len() + comma + self.reserved.len();
        if bytes <= MAX_BAGGAGE_BYTES && self.has_room_for_member() {
            self.members += 1;
        } else {
            self.list.truncate(start);
            self.overflowed = true;
        }
    }

    fn has_room_for_member(&self) -> bool {
        /// The least that a reserved member takes: the prefix of its key, and a comma.
        const RESERVED_BYTES: usize = 8;
        // Counted only where there might be too many.
        if self.members + self.reserved.len() / RESERVED_BYTES + 1 < MAX_BAGGAGE_MEMBERS {
            return true;
        }
        let commas = memchr::memchr_iter(b',', self.reserved.as_bytes()).count();
        let reserved = commas + usize::from(!self.reserved.is_empty());
        self.members + reserved < MAX_BAGGAGE_MEMBERS
    }

    /// The list with the members that must stay at its end; `None` where it is empty.
    pub(crate) fn finish(mut self) -> Option<String> {
        if self.list.is_empty() {
            return Some(self.reserved).filter(|list| !list.is_empty());
        }
        if !self.reserved.is_empty() {
            self.list.push(',');
            self.list.push_str(&self.reserved);
        }
        Some(self.list)
    }
}
