//! What a span's name and attributes at its start say in Sentry's terms.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::settings::target::looked_at;
use crate::wire::baggage::encode;

/// Attribute names of OTel's HTTP and network conventions, with those of older versions.
const URL_FULL: &str = "url.full";
const HTTP_URL: &str = "http.url";
const URL_SCHEME: &str = "url.scheme";
const HTTP_SCHEME: &str = "http.scheme";
const URL_PATH: &str = "url.path";
const HTTP_TARGET: &str = "http.target";
const SERVER_ADDRESS: &str = "server.address";
const SERVER_PORT: &str = "server.port";
const HTTP_HOST: &str = "http.host";
const NET_PEER_NAME: &str = "net.peer.name";
const NET_PEER_PORT: &str = "net.peer.port";
const HTTP_ROUTE: &str = "http.route";
const RPC_PREFIX: &str = "rpc.";

/// The longest name that may become a transaction, in bytes; a longer one is not looked at.
const MAX_TRANSACTION_BYTES: usize = 1000;

/// The URL of a request. Without a scheme it is an address and perhaps a port; without an address
/// it is not known.
#[inline]
pub(crate) fn url(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    text(attributes, URL_FULL).or_else(|| url_of_parts(attributes))
}

fn url_of_parts(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    let text = |key| text(attributes, key);
    if let Some(url) = text(HTTP_URL) {
        return Some(url);
    }
    let (address, port) = match text(SERVER_ADDRESS) {
        Some(address) => (address, text(SERVER_PORT)),
        None => match text(HTTP_HOST) {
            // It holds its port.
            Some(host) => (host, None),
            None => (text(NET_PEER_NAME)?, text(NET_PEER_PORT)),
        },
    };
    let scheme = text(URL_SCHEME).or_else(|| text(HTTP_SCHEME));
    let path = text(URL_PATH).or_else(|| text(HTTP_TARGET)).filter(|_| scheme.is_some());
    let mut url = String::with_capacity(64);
    if let Some(scheme) = &scheme {
        url.extend([looked_at(scheme), "://"]);
    }
    // A host with a port has one colon, an IPv6 address more.
    let is_ipv6 = !address.starts_with('[') && address.bytes().filter(|b| *b == b':').count() > 1;
    let (open, close) = if is_ipv6 { ("[", "]") } else { ("", "") };
    url.extend([open, looked_at(&address), close]);
    if let Some(port) = &port {
        url.extend([":", looked_at(port)]);
    }
    url.push_str(looked_at(path.as_deref().unwrap_or_default()));
    Some(url.into())
}

/// The encoded transaction of a root span's name; `None` for what may be a raw URL.
pub(crate) fn transaction<'a>(name: &'a str, attributes: &[KeyValue]) -> Option<Cow<'a, str>> {
    if name.is_empty() || name.len() > MAX_TRANSACTION_BYTES {
        return None;
    }
    let is_route = |route: Cow<'_, str>| {
        name == route || name.strip_suffix(&*route).is_some_and(|method| method.ends_with(' '))
    };
    let is_rpc = || attributes.iter().any(|kv| kv.key.as_str().starts_with(RPC_PREFIX));
    let is_low_cardinality = !name.contains(['/', '?'])
        || text(attributes, HTTP_ROUTE).is_some_and(is_route)
        || is_rpc();
    is_low_cardinality.then(|| encode(name).into())
}

/// An attribute that is not empty, as text.
#[inline]
fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<Cow<'a, str>> {
    let value = &attributes.iter().find(|kv| kv.key.as_str() == key)?.value;
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => other.as_str(),
    };
    Some(text).filter(|text| !text.is_empty())
}
