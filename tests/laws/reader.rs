//! A second reader of the headers, with regular expressions from the specifications.

use std::sync::OnceLock;

use regex_lite::{Captures, Regex};

pub(crate) const MAX_BYTES: usize = 8192;
pub(crate) const MAX_MEMBERS: usize = 64;

fn captures<'a>(
    regex: &'static OnceLock<Regex>,
    pattern: &str,
    text: &'a str,
) -> Option<Captures<'a>> {
    regex.get_or_init(|| Regex::new(pattern).expect("a pattern")).captures(text)
}

/// `captures!(pattern, text)`: compiles the pattern once.
macro_rules! captures {
    ($pattern:expr, $text:expr) => {{
        static REGEX: OnceLock<Regex> = OnceLock::new();
        captures(&REGEX, $pattern, $text)
    }};
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) sampled: Option<bool>,
}

impl Trace {
    pub(crate) fn header(&self) -> String {
        let flag = self.sampled.map_or("", |sampled| if sampled { "-1" } else { "-0" });
        format!("{}-{}{flag}", self.trace_id, self.span_id)
    }
}

/// One `sentry-trace`.
pub(crate) fn sentry_trace(text: &str) -> Option<Trace> {
    let found = captures!("^[ \t]*([0-9a-fA-F]{32})-([0-9a-fA-F]{16})(?:-([01]))?[ \t]*$", text)?;
    let (trace_id, span_id) = (found[1].to_lowercase(), found[2].to_lowercase());
    let is_zeros = |id: &str| id.chars().all(|digit| digit == '0');
    let sampled = found.get(3).map(|flag| flag.as_str() == "1");
    (!is_zeros(&trace_id) && !is_zeros(&span_id)).then_some(Trace { trace_id, span_id, sampled })
}

/// The elements of lines joined with `,` that end within the limit.
pub(crate) fn elements<'a>(list: &'a str) -> impl Iterator<Item = &'a str> {
    let mut end = 0;
    list.split(',').take_while(move |element: &&'a str| {
        end += element.len() + 1;
        end - 1 <= MAX_BYTES
    })
}

/// The first valid `sentry-trace` of a carrier that shows its first line.
pub(crate) fn first_sentry_trace(lines: &[&str]) -> Option<Trace> {
    elements(&lines.join(",")).find_map(sentry_trace)
}

pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Key (without `sentry-`) and value of each member that is forwarded, in order.
pub(crate) type Entries = Vec<(String, String)>;

pub(crate) fn entries(lines: &[&str]) -> Entries {
    let list = lines.join(",");
    let mut entries = Entries::new();
    let valid = elements(&list).filter_map(|member| {
        let (key, value) = trim(member).split_once('=')?;
        let key = trim(key).strip_prefix("sentry-")?;
        captures!("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$", key)?;
        Some((key.to_owned(), octets(trim(value.split(';').next()?))))
    });
    for (key, value) in valid.take(MAX_MEMBERS) {
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => entries.push((key, value)),
        }
    }
    entries
}

/// The members of other parties.
pub(crate) fn foreign(lines: &[&str]) -> Vec<String> {
    let list = lines.join(",");
    let members = elements(&list).map(trim).filter(|member| !member.is_empty());
    members.filter(|member| !member.starts_with("sentry-")).map(str::to_owned).collect()
}

pub(crate) fn list(entries: &[(String, String)]) -> String {
    let members: Vec<String> = entries.iter().map(|(k, v)| format!("sentry-{k}={v}")).collect();
    members.join(",")
}

pub(crate) fn value<'a>(entries: &'a [(String, String)], key: &str) -> Option<&'a str> {
    entries.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

/// Whether the DSC states a decision; any other value of `sampled` is none.
pub(crate) fn says_sampled(entries: &[(String, String)]) -> bool {
    matches!(value(entries, "sampled"), Some("true" | "false"))
}

/// Percent-encodes everything but `baggage-octet`.
fn octets(text: &str) -> String {
    encoded(
        text,
        |byte| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e),
    )
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn unreserved(text: &str) -> String {
    encoded(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Percent-encodes the bytes that no header can hold.
pub(crate) fn sendable(text: &str) -> String {
    encoded(text, |byte| (0x20..0x7f).contains(&byte))
}

fn encoded(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let byte = |byte: u8| match stays(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match digits.filter(|digits| *first == b'%' && is_hex(digits)) {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A finite number without a sign.
fn number(text: &str) -> Option<f64> {
    captures!("^([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$", text)?;
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn either(entries: &[(String, String)], key: &str, fits: fn(f64) -> bool) -> Option<f64> {
    let text = value(entries, key)?;
    let fitting = |text: &str| number(text).filter(|number| fits(*number));
    fitting(text).or_else(|| fitting(&decoded(text)))
}

pub(crate) fn sample_rate(entries: &[(String, String)]) -> Option<f64> {
    either(entries, "sample_rate", |rate| rate <= 1.0)
}

pub(crate) fn sample_rand(entries: &[(String, String)]) -> Option<f64> {
    either(entries, "sample_rand", |rand| rand < 1.0)
}

/// Whether the DSC names another trace.
pub(crate) fn names_other_trace(entries: &[(String, String)], trace_id: &str) -> bool {
    let named = value(entries, "trace_id").filter(|id| !id.is_empty());
    named.is_some_and(|id| decoded(id).to_ascii_lowercase() != trace_id)
}

/// Whether the strict continuation rule rejects a trace.
pub(crate) fn refuses(own: Option<&str>, strict: bool, entries: &[(String, String)]) -> bool {
    let theirs = value(entries, "org_id").map(decoded).filter(|id| !id.is_empty());
    match (own, theirs) {
        (Some(own), Some(theirs)) => own != theirs,
        (None, None) => false,
        _ => strict,
    }
}

#[derive(Debug)]
pub(crate) struct Dsn {
    pub(crate) scheme: String,
    pub(crate) public_key: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) project_id: String,
}

impl Dsn {
    pub(crate) fn org_id(&self) -> Option<String> {
        captures!("^o([0-9]{1,20})[.]", &self.host).map(|found| found[1].to_owned())
    }
}

pub(crate) fn dsn(text: &str) -> Option<Dsn> {
    let found = captures!(
        r"(?x)^(https?)://
          ([0-9A-Za-z_-]+)(?::[^/?\#\\]*)?@                                   # key, secret
          (\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)\.?         # host
          (?::([0-9]*))?                                                      # port
          ((?:/[0-9A-Za-z._~/%-]*)?)/([0-9]+)$                                # path, project",
        text
    )?;
    let host = found[3].to_lowercase();
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        address.parse::<std::net::Ipv6Addr>().ok()?;
    }
    let port = match found.get(4).map_or("", |port| port.as_str()) {
        "" => default_port(&found[1]),
        digits => digits.parse().ok().filter(|port| *port != 0),
    };
    (text.len() <= 512).then_some(Dsn {
        scheme: found[1].to_owned(),
        public_key: found[2].to_owned(),
        host,
        port: port?,
        path: found[5].trim_end_matches('/').to_owned(),
        project_id: found[6].to_owned(),
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match &*scheme.to_ascii_lowercase() {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        _ => None,
    }
}

/// Host (in lower case) and port of a URL in the form that clients write; `None` for any other
/// text.
pub(crate) fn destination(url: &str) -> Option<(String, Option<u16>)> {
    let found = captures!(
        r"(?xs)^(https?|wss?|HTTPS?|ftp)://
          (?:[^/?\#\\]*@)?
          (\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)\.?
          (?::([0-9]{1,4}))?
          (?:[/?\#\\].*)?$",
        url
    )?;
    let port = found.get(3).and_then(|port| port.as_str().parse().ok());
    Some((found[2].to_lowercase(), port.or_else(|| default_port(&found[1]))))
}

/// A line as ASCII: UTF-8 stays, every other byte is encoded as a Latin-1 character.
pub(crate) fn ascii(line: &[u8]) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while !rest.is_empty() {
        let longest =
            (1..=rest.len().min(4)).find(|len| std::str::from_utf8(&rest[..*len]).is_ok());
        let character = match longest {
            Some(len) => String::from_utf8_lossy(&rest[..len]).into_owned(),
            None => char::from(rest[0]).to_string(),
        };
        rest = &rest[longest.unwrap_or(1)..];
        let encoded = || character.bytes().map(|byte| format!("%{byte:02X}")).collect();
        text += &if character.is_ascii() { character.clone() } else { encoded() };
    }
    text
}
