//! Rows from a JSON file of `tests/vectors/`, and their headers.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;

/// The rows of a table. Fails for an unknown field, a duplicate name, or fewer rows than expected.
#[track_caller]
pub(crate) fn rows<T: DeserializeOwned>(json: &str, at_least: usize) -> Vec<T> {
    let rows: Vec<T> = serde_json::from_str(json).expect("a table of rows");
    let values: Vec<Value> = serde_json::from_str(json).expect("a table of rows");
    let mut names = HashSet::new();
    for name in values.iter().filter_map(|row| row.get("name")?.as_str()) {
        assert!(names.insert(name), "two rows named {name}");
    }
    assert!(rows.len() >= at_least, "{} rows, expected {at_least}", rows.len());
    rows
}

/// A header map with the values in order. A name may occur more than once, in any case.
pub(crate) fn header_map<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    headers
        .into_iter()
        .map(|(name, value)| {
            (
                HeaderName::from_bytes(name.as_bytes()).expect("a header name"),
                HeaderValue::from_str(value).expect("a header value"),
            )
        })
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}
