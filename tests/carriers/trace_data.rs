//! Headers as data: names in any case, each set once.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{SentryPropagator, TraceData};

use crate::common::{remote, sentry_trace};

/// The existing headers, the header to set, and the result.
#[test]
fn a_header_that_is_set_stands_once() {
    for (has, name, left) in [
        (&["a", "b"][..], "c", &["a", "b", "c"][..]),
        (&["a", "b"], "a", &["a", "b"]),
        (&["A", "b"], "a", &["a", "b"]),
        (&["a", "b"], "A", &["A", "b"]),
        (&["b", "a", "A", "c", "a"], "a", &["b", "a", "c"]),
        (&["b", "A", "a", "c", "A"], "a", &["b", "a", "c"]),
        (&[], "a", &["a"]),
    ] {
        let mut data: TraceData = has.iter().map(|name| (*name, "old")).collect();
        data.set(name, "new".to_owned());
        let names: Vec<&str> = data.iter().map(|(name, _)| name).collect();
        assert_eq!(names, left, "{has:?}, {name}");
        let new: Vec<&str> =
            data.iter().filter(|(_, value)| *value == "new").map(|(name, _)| name).collect();
        assert_eq!(new, [name], "{has:?}");
    }
}

/// Into data from another implementation, with its spelling of the names.
#[test]
fn no_other_traces_header_is_left() {
    let mut data = TraceData::from([
        ("Sentry-Trace", "of another trace"),
        ("Baggage", "sentry-release=old"),
        ("X-Other", "1"),
        ("BAGGAGE", "sentry-release=older"),
    ]);
    let trace = remote(true, "");
    let cx = Context::new().with_remote_span_context(trace);
    let headers = TraceData::from([
        ("SENTRY-TRACE", sentry_trace("-1")),
        ("Baggage", "sentry-sample_rand=0.25".to_owned()),
    ]);
    let cx = SentryPropagator::new().extract_with_context(&cx, &headers);
    for _ in 0..2 {
        SentryPropagator::new().inject_context(&cx, &mut data);
        let pairs: Vec<(&str, &str)> = data.iter().collect();
        let expected = [
            ("sentry-trace", &*sentry_trace("-1")),
            ("baggage", "sentry-sample_rand=0.25"),
            ("X-Other", "1"),
        ];
        assert_eq!(pairs, expected);
    }
}

#[test]
fn every_value_of_a_name_is_given() {
    let data = TraceData::from([("a", "1"), ("b", "2"), ("A", "3")]);
    assert_eq!((data.get("A"), Extractor::get(&data, "B")), (Some("1"), Some("2")));
    assert_eq!((data.get_all("a"), data.get_all("c")), (Some(vec!["1", "3"]), None));
    assert_eq!((data.len(), data.is_empty()), (3, false));
    assert_eq!(data.keys(), ["a", "b", "A"]);
}
