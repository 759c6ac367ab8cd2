//! Hosts, with a port or without.

use crate::text::url::{default_port, Url};

/// A name of labels, or an IPv6 address in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(label),
    }
}

/// Whether a URL without a scheme is this host and port. A missing port is the scheme's own.
pub(crate) fn is_address(url: &str, host: &str, port: Option<u16>, scheme: &str) -> bool {
    if url.contains("://") {
        return false;
    }
    // The parser wants a scheme; this one has no port of its own.
    let with_scheme = format!("address://{}", url.trim());
    Url::parse(&with_scheme).is_some_and(|url| {
        url.host.eq_ignore_ascii_case(host) && url.port.or(default_port(scheme)) == port
    })
}
