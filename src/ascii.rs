//! Bytes of header values: hexadecimal digits and optional white space, read strictly.
//!
//! The standard integer parsers take a sign and any number of digits; a wire format must not.

/// Spaces and tabs taken off both ends: `OWS` of RFC 9110, section 5.6.3.
pub(crate) fn trim_ows(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The value of exactly `N` hexadecimal digits of either case; `N` is at most 32.
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<u128> {
    let digits: &[u8; N] = digits.as_bytes().try_into().ok()?;
    let mut value = 0_u128;
    for half in digits.chunks(16) {
        let mut word = 0_u64;
        let mut seen = 0;
        for &digit in half {
            let nibble = nibble(digit);
            seen |= nibble;
            word = (word << 4) | u64::from(nibble & 0xf);
        }
        if seen > 0xf {
            return None;
        }
        value = (value << (4 * half.len())) | u128::from(word);
    }
    Some(value)
}

/// 0 to 15, or 255 for what is no hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0xff,
    }
}

/// Appends the last `N` hexadecimal digits of `value`, in lower case.
pub(crate) fn push_hex<const N: usize>(value: u128, out: &mut String) {
    let mut digits = [b'0'; N];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        let nibble = (rest & 0xf) as u8;
        *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        rest >>= 4;
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}
