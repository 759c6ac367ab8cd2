//! The grammars of W3C Baggage and of W3C Trace Context level 2, read character by character.
//!
//! Sources: <https://www.w3.org/TR/baggage/#definition> and
//! <https://www.w3.org/TR/trace-context-2/#tracestate-header-field-values>.

/// One raw member of `baggage`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Key, and value if there is one.
    pub(crate) properties: Vec<(String, Option<String>)>,
}

/// `baggage-string = list-member 0*179( OWS "," OWS list-member )`
pub(crate) fn baggage(header: &str) -> Result<Vec<Member>, String> {
    header.split(',').map(|text| baggage_member(trim(text))).collect()
}

/// `list-member = key OWS "=" OWS value *( OWS ";" OWS property )`
fn baggage_member(text: &str) -> Result<Member, String> {
    let mut parts = text.split(';').map(trim);
    let first = parts.next().unwrap_or_default();
    let (key, value) = first.split_once('=').ok_or(format!("{text:?} has no value"))?;
    let (key, value) = (token(trim(key))?, octets(trim(value))?);
    let properties = parts.map(property).collect::<Result<_, _>>()?;
    Ok(Member { key, value, properties })
}

/// `property = key OWS "=" OWS value / key OWS`
fn property(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((token(trim(key))?, Some(octets(trim(value))?))),
        None => Ok((token(text)?, None)),
    }
}

/// `token = 1*tchar` of RFC 7230.
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_tchar)
}

fn token(text: &str) -> Result<String, String> {
    is_token(text).then(|| text.to_owned()).ok_or(format!("{text:?} is not a token"))
}

/// `value = *baggage-octet`: no control characters, space, `"`, `,`, `;` or `\`.
fn octets(text: &str) -> Result<String, String> {
    let is_octet = |c: char| matches!(c, '!'..='~') && !"\",;\\".contains(c);
    match text.chars().find(|c| !is_octet(*c)) {
        Some(c) => Err(format!("{c:?} in the value {text:?}")),
        None => Ok(text.to_owned()),
    }
}

/// `list = list-member 0*31( OWS "," OWS list-member )`, where a member may be empty; no key twice.
pub(crate) fn tracestate(header: &str) -> Result<Vec<(String, String)>, String> {
    let mut members: Vec<(String, String)> = Vec::new();
    for text in header.split(',').map(trim).filter(|text| !text.is_empty()) {
        let (key, value) = text.split_once('=').ok_or(format!("{text:?} has no value"))?;
        if !is_tracestate_key(key) {
            return Err(format!("the key {key:?}"));
        }
        if !is_tracestate_value(value) {
            return Err(format!("the value {value:?} of {key}"));
        }
        if members.iter().any(|(known, _)| known == key) {
            return Err(format!("{key} twice"));
        }
        members.push((key.to_owned(), value.to_owned()));
    }
    match members.len() {
        0..=32 => Ok(members),
        count => Err(format!("{count} members")),
    }
}

/// `key = ( lcalpha / DIGIT ) 0*255( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )`
fn is_tracestate_key(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_keychar = |c: char| is_first(c) || "_-*/@".contains(c);
    (1..=256).contains(&text.len()) && text.starts_with(is_first) && text.chars().all(is_keychar)
}

/// `value = 0*255(chr) nblk-chr`, where `chr` is printable ASCII but `,` and `=`.
fn is_tracestate_value(text: &str) -> bool {
    let is_chr = |c: char| matches!(c, ' '..='~') && c != ',' && c != '=';
    (1..=256).contains(&text.len()) && text.chars().all(is_chr) && !text.ends_with(' ')
}

/// `OWS = *( SP / HTAB )`
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The percent-decoded text.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
