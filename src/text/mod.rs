//! Hexadecimal digits, character classes, the parts of a URL.

pub(crate) mod chars;
pub(crate) mod hex;
pub(crate) mod url;
