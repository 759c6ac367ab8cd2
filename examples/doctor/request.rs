//! The headers of the request and of its answer.

use http::{HeaderMap, HeaderName, HeaderValue};

#[derive(Default)]
pub(crate) struct Request {
    /// Names in lower case; values unchanged.
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }

    /// Reads the headers of a dump: `> name: value`, `< name: value`, `name: value`. Other lines are
    /// skipped.
    pub(crate) fn read_dump(&mut self, dump: &str) {
        for line in dump.lines() {
            let line = line.strip_prefix("> ").or_else(|| line.strip_prefix("< ")).unwrap_or(line);
            if let Some((name, value)) = line.split_once(':') {
                if HeaderName::from_bytes(name.as_bytes()).is_ok() {
                    self.push(name, value.trim_matches([' ', '\t']));
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Every value of a header.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
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
