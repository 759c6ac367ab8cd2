//! Bytes of header values: hexadecimal digits and optional white space, read strictly.
//!
//! The standard integer parsers take a sign and any number of digits; a wire format must not.

/// Spaces and tabs taken off both ends: `OWS` of RFC 9110, section 5.6.3.
#[inline]
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

/// Whether a text is printable ASCII without spaces and without `other` bytes.
#[inline]
pub(crate) fn is_graphic_without<const N: usize>(other: [u8; N], text: &str) -> bool {
    /// A fold over arrays is vector code; one over what is left of a text is not.
    const STEP: usize = 32;
    let is_right = |bytes: &[u8; STEP]| {
        let wrong = |byte: u8| {
            let mut wrong = u8::from(byte.wrapping_sub(b'!') > b'~' - b'!');
            for o in other {
                wrong |= u8::from(byte == o);
            }
            wrong
        };
        bytes.iter().fold(0, |any, byte| any | wrong(*byte)) == 0
    };
    let bytes = text.as_bytes();
    let mut padded = [b'0'; STEP];
    let last = match bytes.len().checked_sub(STEP).and_then(|start| bytes.get(start..)) {
        // Some of these are looked at twice, which costs less than a copy.
        Some(last) => last,
        None => {
            if let Some(start) = padded.get_mut(..bytes.len()) {
                start.copy_from_slice(bytes);
            }
            &padded
        }
    };
    let steps = bytes.chunks_exact(STEP).chain([last]);
    steps.filter_map(|bytes| bytes.try_into().ok()).fold(true, |all, bytes| all & is_right(bytes))
}

/// One in each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;

/// What tells an upper-case letter from a lower-case one.
const CASE_BIT: u64 = 0x20;

/// The value of exactly `N` hexadecimal digits of either case; `N` is 16 or 32.
#[inline]
pub(crate) fn parse_hex<const N: usize>(digits: &str) -> Option<u128> {
    let digits: &[u8; N] = digits.as_bytes().try_into().ok()?;
    let mut value = 0;
    // Eight at a time, each in a byte of one word.
    for eight in digits.chunks_exact(8) {
        let text = u64::from_be_bytes(eight.try_into().ok()?);
        // A letter has bit 6 set, and its low bits are 1 to 6.
        let nibbles = (text & (0x0f * ONES)) + 9 * ((text >> 6) & ONES);
        // Written back, they have to give the text; a `g` would, so no value is above 15.
        let text = text | (CASE_BIT * ((text >> 6) & ONES));
        if write_digits(nibbles) != text || nibbles & (0xf0 * ONES) != 0 {
            return None;
        }
        // Neighbours join into bytes, pairs of bytes, and the whole.
        let bytes = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
        let pairs = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
        let word = (pairs | (pairs >> 16)) & 0xffff_ffff;
        value = (value << 32) | u128::from(word);
    }
    Some(value)
}

/// Lower-case digits of eight values, each in a byte.
#[inline]
fn write_digits(nibbles: u64) -> u64 {
    // 0x76 carries values from 10 on into the highest bit.
    let letters = ((nibbles + 0x76 * ONES) >> 7) & ONES;
    nibbles + 0x30 * ONES + u64::from(b'a' - b'9' - 1) * letters
}

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    // Evaluated by the compiler.
    #[allow(clippy::indexing_slicing)]
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0x0f]];
        byte += 1;
    }
    pairs
};

/// 16 lower-case hexadecimal digits.
#[inline]
pub(crate) fn hex(value: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    fill_digits(&value.to_be_bytes(), &mut digits);
    digits
}

/// 32 lower-case hexadecimal digits.
#[inline]
pub(crate) fn hex128(value: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    fill_digits(&value.to_be_bytes(), &mut digits);
    digits
}

#[inline]
fn fill_digits(bytes: &[u8], digits: &mut [u8]) {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS.get(usize::from(*byte)).copied().unwrap_or_default());
    }
}

/// Appends 16 lower-case hexadecimal digits.
#[inline]
pub(crate) fn push_hex(value: u64, out: &mut String) {
    out.push_str(std::str::from_utf8(&hex(value)).unwrap_or_default());
}

/// Appends 32 lower-case hexadecimal digits.
#[inline]
pub(crate) fn push_hex128(value: u128, out: &mut String) {
    out.push_str(std::str::from_utf8(&hex128(value)).unwrap_or_default());
}

const BASE64: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// The value of each digit of base 64, or 255.
const BASE64_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    // Evaluated by the compiler.
    #[allow(clippy::indexing_slicing)]
    while value < BASE64.len() {
        values[BASE64[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The digit of the lowest six bits.
#[inline]
pub(crate) fn base64_digit(bits: usize) -> u8 {
    BASE64.get(bits & 0x3f).copied().unwrap_or_default()
}

/// The value of a digit of base 64; more than any has where it is none.
#[inline]
pub(crate) fn base64_value(digit: u8) -> u8 {
    BASE64_VALUES.get(usize::from(digit)).copied().unwrap_or(255)
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

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether something did not fit.
    #[inline]
    pub(crate) fn is_overflowed(&self) -> bool {
        self.overflowed
    }

    /// `None` where something did not fit.
    #[inline]
    pub(crate) fn as_str(&self) -> Option<&str> {
        let bytes = self.bytes.get(..self.len).filter(|_| !self.overflowed)?;
        std::str::from_utf8(bytes).ok()
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        self.push_ascii(text.as_bytes());
    }

    /// Appends ASCII bytes.
    #[inline]
    pub(crate) fn push_ascii(&mut self, ascii: &[u8]) {
        let end = self.len + ascii.len();
        match self.bytes.get_mut(self.len..end) {
            Some(free) if end <= self.room => {
                free.copy_from_slice(ascii);
                self.len = end;
            }
            _ => self.overflowed = true,
        }
    }

    /// Appends a text behind ASCII bytes.
    #[inline]
    pub(crate) fn push_behind<const M: usize>(&mut self, ascii: [u8; M], text: &str) {
        let end = self.len + M + text.len();
        match self.bytes.get_mut(self.len..end) {
            Some(free) if end <= self.room => {
                let (start, rest) = free.split_at_mut(M);
                start.copy_from_slice(&ascii);
                rest.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            _ => self.overflowed = true,
        }
    }

    /// Puts ASCII bytes in the place of the first ones.
    pub(crate) fn overwrite_start<const M: usize>(&mut self, start: [u8; M]) {
        if let Some(old) = self.bytes.get_mut(..M) {
            old.copy_from_slice(&start);
        }
    }

    /// Puts one byte in the place of another, everywhere.
    #[inline]
    pub(crate) fn replace_byte(&mut self, old: u8, new: u8) {
        // Without a branch it is vector code.
        for byte in self.bytes.get_mut(..self.len).unwrap_or_default() {
            *byte = if *byte == old { new } else { *byte };
        }
    }

    /// Appends an ASCII byte.
    #[inline]
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
