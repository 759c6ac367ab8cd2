//! Classes of ASCII characters.

/// Removes spaces and tabs from both ends: `OWS` of RFC 9110, section 5.6.3.
pub(crate) fn trim_ows(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Whether a text is printable ASCII without spaces and without `excluded` bytes.
///
/// It folds over blocks of a fixed size, without an early exit, so that the compiler vectorizes it:
/// a whole header costs less than one byte-wise search.
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
    let blocks = text.as_bytes().chunks_exact(BLOCK);
    let rest = blocks.remainder();
    let good = blocks.fold(true, |good, block| {
        good & <&[u8; BLOCK]>::try_from(block).is_ok_and(|block| is_good(block))
    });
    good && is_good(rest)
}
