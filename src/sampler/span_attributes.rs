//! What a span's name and attributes at its start say in Sentry's terms.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::wire::baggage::encode;

/// Attribute names of OTel's HTTP semantic conventions.
const URL_FULL: &str = "url.full";
const HTTP_URL: &str = "http.url";
const URL_SCHEME: &str = "url.scheme";
const URL_PATH: &str = "url.path";
const SERVER_ADDRESS: &str = "server.address";
const SERVER_PORT: &str = "server.port";
const HTTP_ROUTE: &str = "http.route";
const RPC_PREFIX: &str = "rpc.";

/// The URL of a request; less than a scheme and an address is none.
#[inline]
pub(crate) fn url(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    text(attributes, URL_FULL).or_else(|| url_of_parts(attributes))
}

fn url_of_parts(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    let text = |key| text(attributes, key);
    if let Some(url) = text(HTTP_URL) {
        return Some(url);
    }
    let (scheme, address) = (text(URL_SCHEME)?, text(SERVER_ADDRESS)?);
    let mut url = String::with_capacity(scheme.len() + address.len() + 16);
    url.push_str(&scheme);
    url.push_str("://");
    let is_ipv6 = address.contains(':') && !address.starts_with('[');
    if is_ipv6 {
        url.push('[');
    }
    url.push_str(&address);
    if is_ipv6 {
        url.push(']');
    }
    if let Some(port) = text(SERVER_PORT) {
        url.push(':');
        url.push_str(&port);
    }
    url.push_str(&text(URL_PATH).unwrap_or_default());
    Some(url.into())
}

/// The encoded transaction of a root span's name; `None` for what may be a raw URL.
pub(crate) fn transaction<'a>(name: &'a str, attributes: &[KeyValue]) -> Option<Cow<'a, str>> {
    let is_route = |route: Cow<'_, str>| {
        name == route || name.strip_suffix(&*route).is_some_and(|method| method.ends_with(' '))
    };
    let is_rpc = || attributes.iter().any(|kv| kv.key.as_str().starts_with(RPC_PREFIX));
    let is_low_cardinality = !name.contains(['/', '?'])
        || text(attributes, HTTP_ROUTE).is_some_and(is_route)
        || is_rpc();
    (!name.is_empty() && is_low_cardinality).then(|| encode(name).into())
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
