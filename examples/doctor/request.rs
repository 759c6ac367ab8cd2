//! The request and its answer.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Names in lower case; values unchanged.
type Headers = Vec<(String, String)>;

pub(crate) const TRACE_HEADERS: [&str; 4] =
    ["sentry-trace", "baggage", "traceparent", "tracestate"];

/// What a page's request has that a browser checks.
pub(crate) const CORS_HEADERS: [&str; 4] =
    ["origin", "host", "access-control-request-headers", "access-control-request-method"];

#[derive(Default)]
pub(crate) struct Request {
    pub(crate) method: Option<String>,
    headers: Headers,
    pub(crate) answer: Option<Answer>,
    /// How many requests were before this one in the same dump.
    pub(crate) earlier: usize,
}

/// The answer to the request.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    headers: Headers,
}

impl Request {
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }

    pub(crate) fn push_to_answer(&mut self, name: &str, value: &str) {
        let answer = self.answer.get_or_insert_with(Default::default);
        answer.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }

    /// The next request of a dump takes the place of this one.
    pub(crate) fn start(&mut self, method: &str) {
        let earlier = self.earlier + usize::from(self.method.is_some());
        *self = Request { method: Some(method.to_owned()), earlier, ..Request::default() };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    pub(crate) fn has_trace_headers(&self) -> bool {
        TRACE_HEADERS.iter().any(|name| self.has(name))
    }

    /// Every value of a header.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }

    /// The headers that an HTTP server accepts: a value with a control character is not one.
    pub(crate) fn to_header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                map.append(name, value);
            }
        }
        map
    }
}

impl Answer {
    pub(crate) fn of_status(status: u16) -> Self {
        Answer { status: Some(status), ..Answer::default() }
    }

    /// Every value of a header.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }
}

fn values<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
}
