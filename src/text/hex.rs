//! Hexadecimal ids, read strictly: the standard integer parsers take a sign and any number of
//! digits.

/// The value of exactly `N` hexadecimal digits of either case; `N` is 16 or 32.
#[inline]
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<u128> {
    let digits: &[u8; N] = digits.as_bytes().try_into().ok()?;
    // Word by word: 128 bits are two registers, and twice the work for each digit.
    digits.chunks_exact(16).try_fold(0, |value, word| {
        let word = word.iter().try_fold(0_u64, |value, digit| {
            let nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                _ => return None,
            };
            Some((value << 4) | u64::from(nibble))
        })?;
        Some((value << 64) | u128::from(word))
    })
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

/// Writes each byte as two lower-case digits; `digits` holds twice as many.
#[inline]
pub(crate) fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

fn digit(nibble: u8) -> u8 {
    // The letters follow 9 at a distance.
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

/// 32 lower-case digits.
pub(crate) fn hex_of_trace_id(id: [u8; 16]) -> [u8; 32] {
    let mut digits = [0; 32];
    write_hex(&id, &mut digits);
    digits
}
