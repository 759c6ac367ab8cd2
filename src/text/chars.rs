//! Classes of ASCII characters.

/// Removes spaces and tabs from both ends: `OWS` of RFC 9110, section 5.6.3.
#[inline]
pub(crate) fn trim_ows(text: &str) -> &str {
    let text = trim_ows_start(text);
    let end = text.bytes().rposition(|byte| !is_ows(byte)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// Removes spaces and tabs from the start.
#[inline]
pub(crate) fn trim_ows_start(text: &str) -> &str {
    let start = text.bytes().position(|byte| !is_ows(byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

fn is_ows(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The text before the first `=`, and the text behind it.
///
/// Keys are short: a loop costs less than a search that has to be set up.
#[inline]
pub(crate) fn split_equals(text: &str) -> Option<(&str, &str)> {
    let equals = text.bytes().position(|byte| byte == b'=')?;
    Some((text.get(..equals)?, text.get(equals + 1..)?))
}

/// How many bytes at the start of a text are ASCII from `first` to `~`, and none of `excluded`.
///
/// It goes by words of eight bytes, and marks a byte by its highest bit. The first mark of a word is
/// exact. Before it all bytes are good: none carries into the next as 1 is added, nor borrows from it
/// as `first`, or 1 from the difference to an excluded byte, is taken away, and none gets its highest
/// bit set. The first bad byte gets it: by the addition from 0x7f on (a text has no byte 0xff), by the
/// first subtraction below `first`, by the second one where the difference is 0.
#[inline]
fn len_from<const N: usize>(first: u8, excluded: [u8; N], text: &str) -> usize {
    const WORD: usize = 8;
    const ONES: u64 = u64::from_ne_bytes([1; WORD]);
    let first_bad = |bytes: [u8; WORD]| {
        let word = u64::from_le_bytes(bytes);
        let mut marks = word.wrapping_add(ONES) | word.wrapping_sub(ONES * u64::from(first));
        for other in excluded {
            marks |= (word ^ (ONES * u64::from(other))).wrapping_sub(ONES);
        }
        let marks = marks & (ONES << 7);
        (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
    };
    let mut len = 0;
    let mut words = text.as_bytes().chunks_exact(WORD);
    for word in &mut words {
        if let Some(bad) = word.try_into().ok().and_then(first_bad) {
            return len + bad;
        }
        len += WORD;
    }
    // Filled up with what is bad, a short rest is a word too.
    let mut last = [0; WORD];
    for (byte, rest) in last.iter_mut().zip(words.remainder()) {
        *byte = *rest;
    }
    len + first_bad(last).unwrap_or_default()
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
