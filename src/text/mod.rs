//! Bytes: hexadecimal digits, character classes, the parts of a URL.

pub(crate) mod ascii;
pub(crate) mod url;
