//! Reads trace headers from an HTTP request's header map, every line of them.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName};
use opentelemetry::propagation::Extractor;

use crate::carrier::ascii_line::line_text;

/// Like `opentelemetry_http::HeaderExtractor`, but also shows lines with bytes outside ASCII.
///
/// `HeaderExtractor` hides such a line: with `baggage: tenant=Jos\xe9,sentry-…` the Dynamic
/// Sampling Context is lost. This extractor percent-encodes bytes outside ASCII: as UTF-8 if the
/// line is UTF-8, else as Latin-1. So one such byte costs at most its member, and a propagator sees
/// only ASCII. Only the first 8192 bytes of such a line are read, the limit of
/// [W3C Baggage](https://www.w3.org/TR/baggage/#limits).
///
/// Common case: the requested lines are ASCII. They are borrowed, and nothing is allocated.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use opentelemetry::propagation::Extractor;
/// use opentelemetry_sentry::HeaderMapExtractor;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("baggage", HeaderValue::from_bytes(b"tenant=Jos\xe9,sentry-release=1")?);
/// let carrier = HeaderMapExtractor::new(&headers);
/// assert_eq!(carrier.get("baggage"), Some("tenant=Jos%C3%A9,sentry-release=1"));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
///
/// Guide: [Rules for all](crate::_documentation::stacks#rules-for-all).
#[derive(Clone)]
pub struct HeaderMapExtractor<'a> {
    headers: &'a HeaderMap,
    /// The lines that are not ASCII, made when the first of them is asked for.
    encoded: OnceLock<Vec<(&'a HeaderName, String)>>,
}

impl<'a> HeaderMapExtractor<'a> {
    /// The headers of one request.
    pub fn new(headers: &'a HeaderMap) -> Self {
        HeaderMapExtractor { headers, encoded: OnceLock::new() }
    }

    /// The lines that are not ASCII, in order.
    fn encoded(&self) -> &[(&'a HeaderName, String)] {
        self.encoded.get_or_init(|| {
            let opaque = self.headers.iter().filter(|(_, line)| line.to_str().is_err());
            opaque
                .map(|(name, line)| (name, line_text(name.as_str(), line.as_bytes()).into_owned()))
                .collect()
        })
    }
}

impl Extractor for HeaderMapExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if let Ok(line) = self.headers.get(key)?.to_str() {
            return Some(line);
        }
        let mut encoded = self.encoded().iter();
        let first = encoded.find(|(name, _)| name.as_str().eq_ignore_ascii_case(key));
        first.map(|(_, line)| line.as_str())
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let mut encoded = None;
        let lines = self.headers.get_all(key).iter().filter_map(|line| {
            if let Ok(line) = line.to_str() {
                return Some(line);
            }
            // Both lists are in one order, so this line is the next one of its name there.
            let encoded = encoded.get_or_insert_with(|| self.encoded().iter());
            let next = encoded.find(|(name, _)| name.as_str().eq_ignore_ascii_case(key));
            next.map(|(_, line)| line.as_str())
        });
        let lines: Vec<&str> = lines.collect();
        (!lines.is_empty()).then_some(lines)
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().map(HeaderName::as_str).collect()
    }
}

/// Shows only the headers' names: their values may be secret.
impl fmt::Debug for HeaderMapExtractor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderMapExtractor ")?;
        f.debug_list().entries(self.headers.keys()).finish()
    }
}
