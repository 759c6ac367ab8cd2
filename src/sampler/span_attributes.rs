//! What a span's name and attributes at its start say in Sentry's terms.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::settings::target::truncated;
use crate::wire::baggage::encode;

/// The longest name that may become a transaction, in bytes.
const MAX_TRANSACTION_BYTES: usize = 1000;

/// The URL of a request, from attributes of OTel's HTTP and network conventions, or of their older
/// versions. Without a scheme it is an address and perhaps a port; without an address it is not
/// known.
#[inline]
pub(crate) fn url(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    text(attributes, "url.full").or_else(|| url_of_parts(attributes))
}

fn url_of_parts(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    let text = |key| text(attributes, key);
    if let Some(url) = text("http.url") {
        return Some(url);
    }
    let (address, port) = text("server.address")
        .map(|address| (address, text("server.port")))
        // It holds its port.
        .or_else(|| Some((text("http.host")?, None)))
        .or_else(|| Some((text("net.peer.name")?, text("net.peer.port"))))?;
    let scheme = text("url.scheme").or_else(|| text("http.scheme"));
    let path = text("url.path").or_else(|| text("http.target")).filter(|_| scheme.is_some());
    let mut url = String::with_capacity(64);
    if let Some(scheme) = &scheme {
        url.extend([truncated(scheme), "://"]);
    }
    // A host with a port has one colon, an IPv6 address more.
    let is_ipv6 = !address.starts_with('[') && address.bytes().filter(|b| *b == b':').count() > 1;
    let (open, close) = if is_ipv6 { ("[", "]") } else { ("", "") };
    url.extend([open, truncated(&address), close]);
    if let Some(port) = &port {
        url.extend([":", truncated(port)]);
    }
    url.push_str(truncated(path.as_deref().unwrap_or_default()));
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
    let is_rpc = || attributes.iter().any(|kv| kv.key.as_str().starts_with("rpc."));
    let is_low_cardinality = !name.contains(['/', '?'])
        || text(attributes, "http.route").is_some_and(is_route)
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
