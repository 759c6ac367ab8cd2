//! Hexadecimal ids, read strictly: the standard integer parsers take a sign and any number of
//! digits.

/// The entry of [`NIBBLES`] for a byte that is not a digit.
const NOT_HEX: u8 = 0xff;

/// The value of each digit of either case.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NOT_HEX; 256];
    let mut value = 0;
    // Evaluated at compile time.
    #[allow(clippy::indexing_slicing)]
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        nibbles[digit as usize] = value;
        nibbles[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    nibbles
};

/// The value of exactly `N` hexadecimal digits of either case; `N` is 16 or 32.
#[inline]
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<u128> {
    let digits: &[u8; N] = digits.as_bytes().try_into().ok()?;
    let mut all = 0;
    // 64 bits at a time: a 128-bit value takes two registers, and twice the work for each digit.
    let value = digits.chunks_exact(16).fold(0, |value, word| {
        let word = word.iter().fold(0_u64, |value, digit| {
            let nibble = NIBBLES.get(usize::from(*digit)).copied().unwrap_or(NOT_HEX);
            all |= nibble;
            (value << 4) | u64::from(nibble)
        });
        (value << 64) | u128::from(word)
    });
    (all != NOT_HEX).then_some(value)
}

/// The value of 1 to 16 lower-case hexadecimal digits.
pub(crate) fn parse_lower_hex(digits: &str) -> Option<u64> {
    if !(1..=16).contains(&digits.len()) {
        return None;
    }
    digits.bytes().try_fold(0, |value, digit| match digit {
        b'0'..=b'9' => Some((value << 4) | u64::from(digit - b'0')),
        b'a'..=b'f' => Some((value << 4) | u64::from(digit - b'a' + 10)),
        _ => None,
    })
}

/// The two lower-case digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    // Evaluated at compile time.
    #[allow(clippy::indexing_slicing)]
    while byte < 256 {
        pairs[byte] = [b"0123456789abcdef"[byte >> 4], b"0123456789abcdef"[byte & 0x0f]];
        byte += 1;
    }
    pairs
};

/// Each byte as two lower-case digits; `DIGITS` is twice `BYTES`.
#[inline]
pub(crate) fn to_hex<const BYTES: usize, const DIGITS: usize>(bytes: [u8; BYTES]) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(PAIRS.get(usize::from(byte)).unwrap_or(&[0; 2]));
    }
    digits
}
