//! Hosts, with a port or without.

use std::borrow::Cow;

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

/// A URL, with this scheme before it if it is only an address: a host and perhaps a port.
pub(crate) fn with_scheme<'a>(url: &'a str, scheme: &str) -> Cow<'a, str> {
    let url = url.trim();
    match url.contains("://") {
        true => url.into(),
        false => format!("{scheme}://{url}").into(),
    }
}
