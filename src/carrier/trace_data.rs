//! Trace headers as data.

use std::fmt;

use opentelemetry::propagation::{Extractor, Injector};

/// Trace headers as pairs of name and value, in order: those that [`trace_data`] returns, or those
/// that arrived over some channel.
///
/// It is a carrier for any propagator, and converts from any map of strings. Names are compared
/// without case. A repeated name is a repeated header.
///
/// ```
/// use opentelemetry_sentry::{continue_trace, SentryPropagator, TraceData};
///
/// // From a WebSocket message, a job or an e-mail.
/// let headers = TraceData::from([
///     ("sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"),
///     ("baggage", "sentry-release=shop%401.2.3"),
/// ]);
/// let cx = continue_trace(&SentryPropagator::new(), &headers);
/// ```
///
/// Guide: [Hand a trace on](crate::_documentation::custom_instrumentation#hand-a-trace-on).
///
/// [`trace_data`]: crate::trace_data
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TraceData {
    pairs: Vec<(String, String)>,
}

impl TraceData {
    /// The first value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Puts the headers that are named here before all others.
    pub(crate) fn put_first(&mut self, names: &[&str]) {
        let place = |name: &str| names.iter().position(|first| name.eq_ignore_ascii_case(first));
        self.pairs.sort_by_key(|(name, _)| place(name).unwrap_or(names.len()));
    }
}

impl Injector for TraceData {
    fn set(&mut self, key: &str, value: String) {
        let place = self.pairs.iter().position(|(known, _)| known.eq_ignore_ascii_case(key));
        let pair = (key.to_owned(), value);
        let Some(place) = place else {
            return self.pairs.push(pair);
        };
        // A repeated name would keep a value of another trace.
        self.pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(key));
        self.pairs.insert(place, pair);
    }

    fn reserve(&mut self, additional: usize) {
        self.pairs.reserve(additional);
    }
}

impl Extractor for TraceData {
    fn get(&self, key: &str) -> Option<&str> {
        self.get(key)
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let values: Vec<&str> = named.map(|(_, value)| value).collect();
        (!values.is_empty()).then_some(values)
    }

    fn keys(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name).collect()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for TraceData {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        TraceData { pairs: pairs.collect() }
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for TraceData {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl IntoIterator for TraceData {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs.into_iter()
    }
}

/// Shows only the headers' names: the values contain the DSN's key, and outside input.
impl fmt::Debug for TraceData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
