//! The parts of an absolute URL that identify the server: scheme, host, port.

/// A parsed URL; nothing is decoded.
#[derive(Clone, Copy)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) userinfo: Option<&'a str>,
    /// Without a final dot; an IPv6 address keeps its brackets.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// Everything after the authority.
    pub(crate) path: &'a str,
}

impl<'a> Url<'a> {
    /// ```text
    /// URL = scheme "://" [ userinfo "@" ] host [ ":" port ] [ path ]   ; RFC 3986, section 3
    /// ```
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        // Browsers read `\` as `/`.
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = (rest.get(..end)?, rest.get(end..)?);
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let (host, port) = match host_port.rsplit_once(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (host_port, ""),
        };
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        (!host.is_empty()).then_some(Url { scheme, userinfo, host, port, path })
    }

    /// The port, or the scheme's own.
    pub(crate) fn effective_port(&self) -> Option<u16> {
        self.port.or_else(|| default_port(self.scheme))
    }
}

pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws") {
        Some(80)
    } else {
        None
    }
}
