//! Message headers as in Kafka and AMQP: values are bytes, and a name may be repeated.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use opentelemetry::propagation::{Extractor, Injector};

use crate::carrier::ascii_line::line_text;

/// Reads trace headers from a message: pairs of name and bytes, in order.
///
/// Names are compared without case. Bytes outside ASCII in a trace header are percent-encoded: as
/// UTF-8 if the value is UTF-8, else as Latin-1. So one such byte costs at most its member of
/// `baggage`. Common case: the requested values are ASCII, and nothing is copied.
///
/// ```
/// use opentelemetry_sentry::{continue_trace, MessageExtractor, SentryPropagator};
///
/// let headers: [(&str, &[u8]); 2] = [
///     ("content-type", b"application/json"),
///     ("sentry-trace", b"771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"),
/// ];
/// let cx = continue_trace(&SentryPropagator::new(), &MessageExtractor::new(headers));
/// ```
///
/// Guide: [Queues](crate::_documentation::custom_instrumentation#queues).
#[derive(Clone)]
pub struct MessageExtractor<'a> {
    headers: Vec<Header<'a>>,
}

#[derive(Clone)]
struct Header<'a> {
    name: &'a str,
    value: &'a [u8],
    /// The value as text, made when it is first asked for.
    text: OnceLock<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    fn text(&self) -> &str {
        self.text.get_or_init(|| line_text(self.name, self.value))
    }
}

impl<'a> MessageExtractor<'a> {
    /// The headers of one message.
    pub fn new(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| Header { name, value, text: OnceLock::new() });
        MessageExtractor { headers: headers.collect() }
    }
}

impl Extractor for MessageExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let named = self.headers.iter().find(|known| known.name.eq_ignore_ascii_case(key));
        named.map(Header::text)
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self.headers.iter().filter(|known| known.name.eq_ignore_ascii_case(key));
        let values: Vec<&str> = named.map(Header::text).collect();
        (!values.is_empty()).then_some(values)
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.iter().map(|header| header.name).collect()
    }
}

/// Shows only how many headers there are: they come from outside.
impl fmt::Debug for MessageExtractor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageExtractor").field("len", &self.headers.len()).finish_non_exhaustive()
    }
}

/// Writes trace headers into a message. They replace headers of the same name, so a message that is
/// redelivered or forwarded has each header once.
///
/// For other header types loop over [`TraceData`](crate::TraceData).
///
/// ```
/// use opentelemetry::propagation::Injector;
/// use opentelemetry_sentry::MessageInjector;
///
/// let mut headers = vec![
///     ("sentry-trace".to_owned(), b"old".to_vec()),
///     ("Sentry-Trace".to_owned(), b"older".to_vec()),
/// ];
/// MessageInjector(&mut headers).set("sentry-trace", "new".to_owned());
/// assert_eq!(headers, [("sentry-trace".to_owned(), b"new".to_vec())]);
/// ```
///
/// Guide: [Queues](crate::_documentation::custom_instrumentation#queues).
pub struct MessageInjector<'a>(pub &'a mut Vec<(String, Vec<u8>)>);

impl Injector for MessageInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
        self.0.push((key.to_owned(), value.into_bytes()));
    }

    fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }
}

/// Shows only how many headers there are: they come from outside.
impl fmt::Debug for MessageInjector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInjector").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
