//! Bytes of header values: hexadecimal digits and optional white space, read strictly.
//!
//! The standard integer parsers take a sign and any number of digits; a wire format must not.

/// Spaces and tabs taken off both ends: `OWS` of RFC 9110, section 5.6.3.
pub(crate) fn trim_ows(text: &str) -> &str {
    let is_space = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(is_space) && !bytes.last().is_some_and(is_space) {
        return text;
    }
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// What a text is made of: one bit for each class of bytes that occurs in it.
///
/// What is in none of the classes is a `baggage-octet` but for `=`.
pub(crate) fn classes(text: &str) -> u8 {
    text.bytes().fold(0, |seen, byte| {
        seen | CLASSES.get(usize::from(byte)).copied().unwrap_or(class::OTHER)
    })
}

/// The classes of bytes that mean something in `baggage` and `tracestate`.
pub(crate) mod class {
    pub(crate) const EQUALS: u8 = 1;
    pub(crate) const COMMA: u8 = 1 << 1;
    pub(crate) const SEMICOLON: u8 = 1 << 2;
    pub(crate) const QUOTE: u8 = 1 << 3;
    pub(crate) const BACKSLASH: u8 = 1 << 4;
    /// White space, control characters, and what is not ASCII.
    pub(crate) const OTHER: u8 = 1 << 5;
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'=' => class::EQUALS,
            b',' => class::COMMA,
            b';' => class::SEMICOLON,
            b'"' => class::QUOTE,
            b'\\' => class::BACKSLASH,
            0x21..=0x7e => 0,
            _ => class::OTHER,
        };
        byte += 1;
    }
    classes
};

/// The value of exactly `N` hexadecimal digits of either case; `N` is at most 32.
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<u128> {
    parse_digits::<N>(digits, 0x1f)
}

/// The value of exactly `N` lower-case hexadecimal digits; `N` is at most 32.
pub(crate) fn parse_lower_hex<const N: usize>(digits: &str) -> Option<u128> {
    parse_digits::<N>(digits, 0x0f)
}

/// What is above 15 in a [`NIBBLES`] value and not in `allowed` makes a digit invalid.
fn parse_digits<const N: usize>(digits: &str, allowed: u8) -> Option<u128> {
    let digits: &[u8; N] = digits.as_bytes().try_into().ok()?;
    let mut value = 0_u128;
    let mut seen = 0;
    for half in digits.chunks(16) {
        let mut word = 0_u64;
        for &digit in half {
            let nibble = NIBBLES.get(usize::from(digit)).copied().unwrap_or(INVALID);
            seen |= nibble;
            word = (word << 4) | u64::from(nibble & 0xf);
        }
        value = (value << (4 * half.len())) | u128::from(word);
    }
    (seen & !allowed == 0).then_some(value)
}

const INVALID: u8 = 0xf0;

/// The value of each hexadecimal digit; an upper-case one has 0x10 set, what is no digit 0xf0.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [INVALID; 256];
    let mut value = 0;
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while value < 16 {
        nibbles[digit(value).to_ascii_uppercase() as usize] = value | 0x10;
        nibbles[digit(value) as usize] = value;
        value += 1;
    }
    nibbles
};

/// Appends 16 lower-case hexadecimal digits.
pub(crate) fn push_hex(value: u64, out: &mut String) {
    let mut digits = [0; 16];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(value.to_be_bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// Appends 32 lower-case hexadecimal digits.
pub(crate) fn push_hex128(value: u128, out: &mut String) {
    push_hex((value >> 64) as u64, out);
    push_hex(value as u64, out);
}

/// The lower-case digit of 0 to 15.
pub(crate) const fn digit(nibble: u8) -> u8 {
    // Without a branch: 39 is what lies between `9` and `a`.
    nibble + b'0' + 39 * (nibble > 9) as u8
}

/// Digits of 128 bits in base 64.
pub(crate) const BASE64_DIGITS: usize = 22;

const BASE64: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// How many digits go into a word of 64 bits; 128 bits take two such words, and two digits.
const WORD_DIGITS: usize = 10;

/// The value of each digit of base 64, or 255.
const BASE64_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while value < BASE64.len() {
        values[BASE64[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The value of 22 digits of base 64, the least significant first.
pub(crate) fn parse_base64(digits: &str) -> Option<u128> {
    let mut value = 0;
    for word_digits in digits.as_bytes().chunks(WORD_DIGITS).rev() {
        let mut word = 0_u64;
        for digit in word_digits.iter().rev() {
            let bits = BASE64_VALUES.get(usize::from(*digit)).filter(|bits| **bits < 64)?;
            word = (word << 6) | u64::from(*bits);
        }
        value = (value << 60) | u128::from(word);
    }
    (digits.len() == BASE64_DIGITS).then_some(value)
}

/// Text under construction on the stack, of at most `N` bytes.
pub(crate) struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
    room: usize,
    overflowed: bool,
}

impl<const N: usize> StackText<N> {
    /// At most `room` bytes, and never more than `N`.
    pub(crate) fn with_room(room: usize) -> Self {
        StackText { bytes: [0; N], len: 0, room: room.min(N), overflowed: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// `None` where something did not fit.
    pub(crate) fn as_str(&self) -> Option<&str> {
        let bytes = self.bytes.get(..self.len).filter(|_| !self.overflowed)?;
        std::str::from_utf8(bytes).ok()
    }

    pub(crate) fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        match self.bytes.get_mut(self.len..end) {
            Some(free) if end <= self.room => {
                free.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            _ => self.overflowed = true,
        }
    }

    /// Appends 22 digits of base 64, the least significant first.
    pub(crate) fn push_base64(&mut self, value: u128) {
        let mut digits = [0; BASE64_DIGITS];
        let mut rest = value;
        for word_digits in digits.chunks_mut(WORD_DIGITS) {
            let mut word = rest as u64;
            for digit in word_digits {
                *digit = BASE64.get(usize::from(word as u8 & 0x3f)).copied().unwrap_or_default();
                word >>= 6;
            }
            rest >>= 60;
        }
        self.push(std::str::from_utf8(&digits).unwrap_or_default());
    }

    /// Appends an ASCII byte.
    pub(crate) fn push_byte(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(free) if self.len < self.room => {
                *free = byte;
                self.len += 1;
            }
            _ => self.overflowed = true,
        }
    }
}
