//! What goes over the wire, read by hand: the crate's own parsers are what is under test.

use std::collections::BTreeMap;

pub(crate) type Headers = Vec<(String, String)>;
pub(crate) type Dsc = BTreeMap<String, String>;

/// The one value of the header, or none; a second one is an error.
pub(crate) fn header<'a>(headers: &'a Headers, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(second) => Err(format!("two {name} headers: {value:?} and {second:?}")),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SentryTrace {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) sampled: Option<bool>,
}

impl SentryTrace {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("not a sentry-trace: {text:?}");
        let hex = |part: &str, digits| {
            part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let parts: Vec<&str> = text.split('-').collect();
        let sampled = match parts[..] {
            [_, _] => None,
            [_, _, "0"] => Some(false),
            [_, _, "1"] => Some(true),
            _ => return Err(bad()),
        };
        if !hex(parts[0], 32) || !hex(parts[1], 16) {
            return Err(bad());
        }
        Ok(Self { trace_id: parts[0].to_owned(), span_id: parts[1].to_owned(), sampled })
    }

    /// The one sentry-trace among the headers.
    pub(crate) fn of(headers: &Headers) -> Result<Self, String> {
        Self::parse(header(headers, "sentry-trace")?.ok_or("no sentry-trace arrived")?)
    }
}

/// The `sentry-*` members of a `baggage` header, decoded, without the prefix.
pub(crate) fn dsc(baggage: Option<&str>) -> Result<Dsc, String> {
    let mut dsc = Dsc::new();
    for member in baggage.unwrap_or_default().split(',').map(str::trim) {
        let Some((key, value)) = member.strip_prefix("sentry-").and_then(|m| m.split_once('='))
        else {
            continue;
        };
        let value = percent_decode(value).ok_or_else(|| format!("not encoded well: {member}"))?;
        if dsc.insert(key.to_owned(), value).is_some() {
            return Err(format!("two sentry-{key}"));
        }
    }
    Ok(dsc)
}

/// `+` stays: every SDK tested here writes it as `%2B`.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let hex = std::str::from_utf8(after.get(..2)?).ok()?;
        decoded.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(decoded).ok()
}

/// Everything outside RFC 3986's unreserved characters, encoded.
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// `0.` and six digits.
pub(crate) fn is_six_digits(sample_rand: &str) -> bool {
    let digits = sample_rand.strip_prefix("0.").unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
}
