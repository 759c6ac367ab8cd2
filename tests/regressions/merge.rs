//! Rows that merge headers into a request's existing headers.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_sentry::MergingInjector;

use super::row::{all, MergeRow, Row};
use crate::text::Text;

#[test]
fn every_row_merges_as_specified() {
    let mut wrong = Vec::new();
    for row in all() {
        if let Row::Merge(row) = row {
            wrong.extend(row.faults().into_iter().map(|fault| format!("{}: {fault}", row.name)));
        }
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

impl MergeRow {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut headers = HeaderMap::new();
        for (name, value) in lines(&self.request) {
            headers.append(name, value);
        }
        let mut carrier = MergingInjector(&mut headers);
        let debug = format!("{carrier:?} {carrier:#?}");
        if self.request.iter().any(|(_, value)| debug.contains(&value.expand())) {
            faults.push(format!("Debug shows {debug}"));
        }
        for (name, value) in &self.set {
            carrier.set(name, value.expand());
        }
        let mut sent: Vec<(HeaderName, HeaderValue)> =
            headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut expected = lines(&self.out);
        // A map keeps the order of one header's lines, not that of different headers.
        sent.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        expected.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        if sent != expected {
            faults.push(format!("{sent:?}, expected {expected:?}"));
        }
        faults
    }
}

/// Values may hold bytes outside ASCII.
fn lines(headers: &[(String, Text)]) -> Vec<(HeaderName, HeaderValue)> {
    let line = |(name, value): &(String, Text)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        (name, HeaderValue::from_bytes(value.expand().as_bytes()).expect("a header value"))
    };
    headers.iter().map(line).collect()
}
