//! A second reader of the headers, because the crate's own parsers are under test.

use std::collections::BTreeMap;

pub(crate) type Headers = Vec<(String, String)>;
pub(crate) type Dsc = BTreeMap<String, String>;

/// The header's value, or `None` if it is absent. A second value is an error.
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

    /// The single sentry-trace among the headers.
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

/// Encodes every byte except RFC 3986's unreserved characters.
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

/// A `traceparent`: trace id, span id, and whether it is sampled.
pub(crate) fn traceparent(headers: &Headers) -> Result<Option<(&str, &str, bool)>, String> {
    let Some(text) = header(headers, "traceparent")? else { return Ok(None) };
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    match parts[..] {
        ["00", trace_id, span_id, flags]
            if hex(trace_id, 32) && hex(span_id, 16) && hex(flags, 2) =>
        {
            let flags = u8::from_str_radix(flags, 16).expect("two digits");
            Ok(Some((trace_id, span_id, flags & 1 == 1)))
        }
        _ => Err(format!("not a traceparent: {text:?}")),
    }
}

/// The members of the single `tracestate`, in order. A list that W3C forbids is an error.
///
/// <https://www.w3.org/TR/trace-context-2/#tracestate-header>
pub(crate) fn tracestate(headers: &Headers) -> Result<Vec<(&str, &str)>, String> {
    // An empty list is allowed and has no meaning: some stock propagators always write one.
    let text = header(headers, "tracestate")?.unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        let bad = || format!("not a member: {member:?} in {text:?}");
        let (key, value) = member.split_once('=').ok_or_else(bad)?;
        let key_byte =
            |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
        let value_byte = |b: u8| matches!(b, 0x20..=0x7e) && b != b'=';
        let good = matches!(key.bytes().next(), Some(b'a'..=b'z' | b'0'..=b'9'))
            && key.len() <= 256
            && key.bytes().all(key_byte)
            && (1..=256).contains(&value.len())
            && value.bytes().all(value_byte);
        if !good {
            return Err(bad());
        }
        if members.iter().any(|(known, _)| *known == key) {
            return Err(format!("two {key} in {text:?}"));
        }
        members.push((key, value));
    }
    match members.len() {
        0..=32 => Ok(members),
        more => Err(format!("{more} members in {text:?}")),
    }
}

/// One field of the `ot` member.
pub(crate) fn ot_field<'a>(members: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    let (_, ot) = members.iter().find(|(key, _)| *key == "ot")?;
    ot.split(';').find_map(|field| field.strip_prefix(name)?.strip_prefix(':'))
}

/// A `th` is valid only for a sampled trace whose randomness reaches it.
///
/// <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>
pub(crate) fn threshold_holds(
    members: &[(&str, &str)],
    trace_id: &str,
    sampled: bool,
) -> Result<(), String> {
    let number = |digits: &str| {
        let digits = format!("{digits:0<14}");
        u64::from_str_radix(&digits, 16).map_err(|_| format!("not 14 digits: {digits}"))
    };
    let Some(th) = ot_field(members, "th") else { return Ok(()) };
    if !sampled {
        return Err(format!("th:{th} for a trace that is not sampled"));
    }
    let randomness = number(ot_field(members, "rv").unwrap_or(&trace_id[18..]))?;
    if number(th)? <= randomness {
        return Ok(());
    }
    Err(format!("th:{th} for a randomness of {randomness:014x}"))
}
