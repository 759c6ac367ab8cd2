//! Classes of ASCII characters.

/// Removes spaces and tabs from both ends: `OWS` of RFC 9110, section 5.6.3.
#[inline]
pub(crate) fn trim_ows(text: &str) -> &str {
    let is_text = |byte: &u8| *byte != b' ' && *byte != b'\t';
    let bytes = text.as_bytes();
    let start = bytes.iter().position(is_text).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_text).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// The text before the first `=`, and the text behind it.
///
/// Keys are short: a loop costs less than a search that has to be set up.
#[inline]
pub(crate) fn split_equals(text: &str) -> Option<(&str, &str)> {
    let equals = text.bytes().position(|byte| byte == b'=')?;
    Some((text.get(..equals)?, text.get(equals + 1..)?))
}

/// Whether a text is printable ASCII without spaces and without `excluded` bytes.
///
/// It folds over blocks of a fixed size, without an early exit, so that the compiler vectorizes it:
/// a whole header costs less than one byte-wise search.
#[inline]
pub(crate) fn is_graphic_without<const N: usize>(excluded: [u8; N], text: &str) -> bool {
    const BLOCK: usize = 32;
    let is_bad = |byte: u8| {
        let mut bad = u8::from(byte.wrapping_sub(b'!') > b'~' - b'!');
        for other in excluded {
            bad |= u8::from(byte == other);
        }
        bad
    };
    let is_good = |block: &[u8]| block.iter().fold(0, |any, byte| any | is_bad(*byte)) == 0;
    let bytes = text.as_bytes();
    // A shorter block would not be vectorized: the last one overlaps the one before it, and a short
    // text is padded with what is good.
    let mut padded = [b'0'; BLOCK];
    let last = match bytes.len().checked_sub(BLOCK).and_then(|start| bytes.get(start..)) {
        Some(last) => last,
        None => {
            if let Some(start) = padded.get_mut(..bytes.len()) {
                start.copy_from_slice(bytes);
            }
            &padded
        }
    };
    bytes.chunks_exact(BLOCK).chain([last]).fold(true, |good, block| {
        good & <&[u8; BLOCK]>::try_from(block).is_ok_and(|block| is_good(block))
    })
}
