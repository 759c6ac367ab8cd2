//! Classes of ASCII characters.

/// Removes spaces and tabs from both ends: `OWS` of RFC 9110, section 5.6.3.
#[inline]
pub(crate) fn trim_ows(text: &str) -> &str {
    let mut rest = trim_ows_start(text);
    while rest.as_bytes().last().is_some_and(|byte| is_ows(*byte)) {
        rest = rest.get(..rest.len() - 1).unwrap_or_default();
    }
    rest
}

/// Removes spaces and tabs from the start.
#[inline]
pub(crate) fn trim_ows_start(text: &str) -> &str {
    let mut rest = text;
    while rest.as_bytes().first().is_some_and(|byte| is_ows(*byte)) {
        rest = rest.get(1..).unwrap_or_default();
    }
    rest
}

fn is_ows(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The first member of a list, and what follows its separator.
#[inline]
pub(crate) fn split_first(list: &str, separator: u8) -> (&str, Option<&str>) {
    match memchr::memchr(separator, list.as_bytes()) {
        Some(end) => (list.get(..end).unwrap_or_default(), list.get(end + 1..)),
        None => (list, None),
    }
}

/// The members of a list.
pub(crate) fn split_list(list: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let (member, tail) = split_first(rest?, separator);
        rest = tail;
        Some(member)
    })
}

/// The text before the first `=`, and the text behind it.
#[inline]
pub(crate) fn split_equals(text: &str) -> Option<(&str, &str)> {
    split_key(text, b'=')
}

/// The text before the first separator, and the text behind it.
///
/// Keys are short: a loop costs less than the setup of a vectorized search.
#[inline]
pub(crate) fn split_key(text: &str, separator: u8) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// How many bytes at the start of a text are ASCII from `first` to `~`, and none of `excluded`.
#[inline]
fn len_from<const N: usize>(first: u8, excluded: [u8; N], text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut len = 0;
    while let Some(Ok(block)) = bytes.get(len..len + BLOCK).map(TryInto::try_into) {
        let good = good_len(first, excluded, block);
        len += good;
        if good < BLOCK {
            return len;
        }
    }
    // A rest shorter than a block is padded with zeros, which are bad bytes, so counting stops at
    // its end.
    let mut last = [0; BLOCK];
    let rest = bytes.get(len..).unwrap_or_default();
    if let Some(start) = last.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    len + good_len(first, excluded, &last)
}

/// How many bytes are checked in one step.
const BLOCK: usize = 16;

/// [`len_from`] for one block.
///
/// A byte is bad if `byte - (first - 1)` or `'~' + 1 - byte` is 0, with subtractions that saturate,
/// or `byte ^ other` is 0 for an excluded one: so if the minimum of all is 0. Unlike a chain of
/// comparisons, this compiles to vector instructions. A bad byte's mark is 1: the trailing zeros of
/// all marks, as one integer, are the bits of the good bytes before the first bad one.
#[inline]
fn good_len<const N: usize>(first: u8, excluded: [u8; N], block: &[u8; BLOCK]) -> usize {
    let mut marks = [0; BLOCK];
    for (mark, byte) in marks.iter_mut().zip(block) {
        let (above, below) = (byte.saturating_sub(first - 1), (b'~' + 1).saturating_sub(*byte));
        let difference = |least: u8, other: u8| least.min(byte ^ other);
        *mark = u8::from(excluded.into_iter().fold(above.min(below), difference) == 0);
    }
    u128::from_le_bytes(marks).trailing_zeros() as usize / u8::BITS as usize
}

/// How many bytes at the start of a text are printable ASCII without spaces and without `excluded`
/// bytes, which are ASCII.
#[inline]
pub(crate) fn graphic_len<const N: usize>(excluded: [u8; N], text: &str) -> usize {
    len_from(b'!', excluded, text)
}

/// Whether a text is printable ASCII, or spaces, without `excluded` bytes.
pub(crate) fn is_printable_without<const N: usize>(excluded: [u8; N], text: &str) -> bool {
    len_from(b' ', excluded, text) == text.len()
}

#[cfg(test)]
mod tests {
    use super::graphic_len;

    #[test]
    fn every_pair_of_characters_is_read_as_one_by_one() {
        let is_good = |c: char| ('!'..='~').contains(&c) && !",\";\\".contains(c);
        let naive = |text: &str| text.chars().position(|c| !is_good(c)).unwrap_or(text.len());
        for before in ["", "x", "xxxxxx", "xxxxxxx", "xxxxxxxxxxxx"] {
            for first in '\0'..='\u{ff}' {
                for second in '\0'..='\u{ff}' {
                    let text = format!("{before}{first}{second}xxx");
                    assert_eq!(graphic_len(*b",\";\\", &text), naive(&text), "{text:?}");
                }
            }
        }
    }
}
