//! The carrier that merges into the headers that a request already has, by the rules of Sentry's
//! JavaScript SDK.

#[cfg(feature = "sdk")]
mod composed;
#[cfg(feature = "sdk")]
#[path = "../composition/lists.rs"]
mod lists;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_sentry::MergingInjector;

const OLD: &str = "ffffffffffffffffffffffffffffffff-ffffffffffffffff-1";
const NEW: &str = "12312012123120121231201212312012-1121201211212012-0";

type Lines = &'static [(&'static str, &'static str)];

struct Row {
    name: &'static str,
    /// sentry-javascript f7a6cc0c, or why the row is here.
    source: &'static str,
    request: Lines,
    set: Lines,
    out: Lines,
}

const ROWS: [Row; 22] = [
    Row {
        name: "an empty request",
        source: "as HeaderInjector",
        request: &[],
        set: &[("sentry-trace", NEW), ("baggage", "a=1,sentry-x=1"), ("other", "1")],
        out: &[("sentry-trace", NEW), ("baggage", "a=1,sentry-x=1"), ("other", "1")],
    },
    Row {
        name: "an empty request gets Sentry members behind the others",
        source: "as beside a request's own",
        request: &[],
        set: &[("baggage", "sentry-x=1,a=1")],
        out: &[("baggage", "a=1,sentry-x=1")],
    },
    Row {
        name: "others' members are kept",
        source: "propagator.test.ts: carrier baggage foo=bar,other=yes",
        request: &[("baggage", "foo=bar,other=yes")],
        set: &[("sentry-trace", NEW), ("baggage", "sentry-release=1,sentry-x=2")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,other=yes,sentry-release=1,sentry-x=2")],
    },
    Row {
        name: "stale Sentry members go",
        source: "propagator.test.ts: foo=bar,other=yes,sentry-release=9.9.9,sentry-other=yes",
        request: &[("baggage", "foo=bar,other=yes,sentry-release=9.9.9,sentry-other=yes")],
        set: &[("sentry-trace", NEW), ("baggage", "sentry-release=1")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,other=yes,sentry-release=1")],
    },
    Row {
        name: "they go as a set, without a sentry-trace too",
        source: "baggage.ts, rule 2",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar,sentry-other=yes")],
        set: &[("baggage", "sentry-release=1")],
        out: &[("baggage", "foo=bar,sentry-release=1")],
    },
    Row {
        name: "they go where no new ones come",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar")],
    },
    Row {
        name: "they go from behind a space and a tab",
        source: "W3C Baggage: OWS",
        request: &[("baggage", "foo=bar, sentry-release=9.9.9,\tsentry-x=2")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar")],
    },
    Row {
        name: "they go, and no header is left",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW)],
    },
    Row {
        name: "they go where the new baggage has none",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("sentry-trace", NEW), ("baggage", "a=1")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,a=1")],
    },
    Row {
        name: "they stay beside baggage without any, and no sentry-trace",
        source: "baggage.ts, rule 4",
        request: &[("sentry-trace", OLD), ("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("baggage", "a=1,foo=2")],
        out: &[("sentry-trace", OLD), ("baggage", "sentry-release=9.9.9,foo=bar,a=1")],
    },
    Row {
        name: "the request's value wins",
        source: "baggage.test.ts: foo=bar against foo=newvalue",
        request: &[("baggage", "foo=bar")],
        set: &[("baggage", "foo=newvalue,sentry-x=1")],
        out: &[("baggage", "foo=bar,sentry-x=1")],
    },
    Row {
        name: "order is kept, new members follow",
        source: "baggage.test.ts: first,second,third,fourth",
        request: &[("baggage", "first=1,second=2")],
        set: &[("baggage", "third=3,first=9,fourth=4")],
        out: &[("baggage", "first=1,second=2,third=3,fourth=4")],
    },
    Row {
        name: "the request's bytes",
        source: "byte for byte",
        request: &[("baggage", " a = 1;p=q ,b=%C3%a9 ,, c==d")],
        set: &[("baggage", "a=2,b=3,c=4,sentry-x=%c3")],
        out: &[("baggage", "a = 1;p=q,b=%C3%a9,c==d,sentry-x=%c3")],
    },
    Row {
        name: "another case is another key",
        source: "W3C Baggage",
        request: &[("baggage", "Foo=1,Sentry-x=2")],
        set: &[("sentry-trace", NEW), ("baggage", "foo=3")],
        out: &[("sentry-trace", NEW), ("baggage", "Foo=1,Sentry-x=2,foo=3")],
    },
    Row {
        name: "a sentry-trace is replaced",
        source: "DIFFERENCE: propagator.ts, rule 1: JavaScript writes nothing then",
        request: &[("sentry-trace", OLD), ("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("sentry-trace", NEW), ("baggage", "sentry-release=1")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,sentry-release=1")],
    },
    Row {
        name: "two sentry-traces become one",
        source: "never a second",
        request: &[("sentry-trace", OLD), ("sentry-trace", OLD)],
        set: &[("Sentry-Trace", NEW)],
        out: &[("sentry-trace", NEW)],
    },
    Row {
        name: "repeated headers are one list",
        source: "W3C Baggage",
        request: &[
            ("baggage", "a=1,sentry-x=9"),
            ("baggage", "b=2"),
            ("baggage", "sentry-y=9,c=3"),
        ],
        set: &[("sentry-trace", NEW), ("baggage", "b=4,sentry-x=1")],
        out: &[("sentry-trace", NEW), ("baggage", "a=1,b=2,c=3,sentry-x=1")],
    },
    Row {
        name: "names in any case",
        source: "HTTP",
        request: &[("baggage", "a=1,sentry-x=9")],
        set: &[("SENTRY-TRACE", NEW), ("Baggage", "sentry-x=1")],
        out: &[("sentry-trace", NEW), ("baggage", "a=1,sentry-x=1")],
    },
    Row {
        name: "any other header is overwritten",
        source: "as HeaderInjector",
        request: &[("traceparent", "old"), ("tracestate", "old=1"), ("tracestate", "older=1")],
        set: &[("traceparent", "new"), ("tracestate", "new=1")],
        out: &[("traceparent", "new"), ("tracestate", "new=1")],
    },
    Row {
        name: "a request without them stays as it is",
        source: "as HeaderInjector",
        request: &[("baggage", "a=1"), ("baggage", "sentry-x=1"), ("sentry-trace", OLD)],
        set: &[("traceparent", "new")],
        out: &[
            ("baggage", "a=1"),
            ("baggage", "sentry-x=1"),
            ("sentry-trace", OLD),
            ("traceparent", "new"),
        ],
    },
    Row {
        name: "what no header can hold",
        source: "nothing that the request has is lost to it",
        request: &[("baggage", "a=1")],
        set: &[("baggage", "b=x\ny,c=3")],
        out: &[("baggage", "a=1,b=x%0Ay,c=3")],
    },
    Row {
        name: "what no header can hold, as Sentry's",
        source: "nothing that the request has is lost to it",
        request: &[("baggage", "a=1")],
        set: &[("baggage", "sentry-x=\n,c=3")],
        out: &[("baggage", "a=1,c=3,sentry-x=%0A")],
    },
];

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

fn set(headers: &mut HeaderMap, lines: &[(&str, &str)]) {
    let mut carrier = MergingInjector(headers);
    carrier.reserve(lines.len());
    for (name, value) in lines {
        carrier.set(name, (*value).to_owned());
    }
}

#[test]
fn every_row_merges_as_it_says() {
    for row in ROWS {
        assert!(!row.source.is_empty(), "{}", row.name);
        let mut headers = map(row.request);
        set(&mut headers, row.set);
        assert_eq!(headers, map(row.out), "{}", row.name);
        // Injecting twice changes nothing.
        set(&mut headers, row.set);
        assert_eq!(headers, map(row.out), "{}, twice", row.name);
    }
}

fn members(count: usize, len: usize) -> String {
    let member = |index| format!("k{index:03}={}", "v".repeat(len - 5));
    (0..count).map(member).collect::<Vec<_>>().join(",")
}

/// The injected Sentry members are kept, then the request's, then the injected others; whole
/// members only.
#[test]
fn within_the_limits_the_injected_sentry_members_come_first() {
    const DSC: &str = "sentry-trace_id=1,sentry-release=2,sentry-x=3";
    // Members that the request has, how long each is, and how many of them stay.
    for (count, len, kept, others_kept) in [
        (0, 10, 0, 1),
        (60, 10, 60, 1),
        (61, 10, 61, 0),
        (62, 10, 61, 0),
        (200, 10, 61, 0),
        (40, 200, 40, 1),
        (41, 200, 40, 1),
        (60, 200, 40, 1),
        // One byte more than there is room for: 8192 - the DSC and its comma.
        (1, 8192 - DSC.len() - 1, 1, 0),
        (1, 8192 - DSC.len(), 0, 1),
        (1, 9000, 0, 1),
    ] {
        let name = format!("{count} of {len}");
        let mut headers = HeaderMap::new();
        if count > 0 {
            headers.insert("baggage", members(count, len).parse().expect("a value"));
        }
        for _ in 0..2 {
            set(&mut headers, &[("sentry-trace", NEW), ("baggage", &format!("{DSC},other=1"))]);
            let list = headers["baggage"].to_str().expect("text").to_owned();
            assert!(list.ends_with(DSC), "{name}: {list}");
            let all: Vec<&str> = list.split(',').collect();
            assert!(list.len() <= 8192 && all.len() <= 64, "{name}: {list}");
            let stayed = all.iter().filter(|member| member.starts_with('k'));
            assert!(stayed.clone().all(|member| member.len() == len), "{name}");
            assert_eq!(stayed.count(), kept, "{name}");
            assert_eq!(all.iter().filter(|m| **m == "other=1").count(), others_kept, "{name}");
        }
    }
}

/// A line that is not text cannot be split. It is kept.
#[test]
fn a_line_that_is_not_ascii_is_kept() {
    let latin = HeaderValue::from_bytes(b"name=Jos\xe9").expect("a value");
    let mut headers = map(&[("baggage", "a=1,sentry-x=9")]);
    headers.append("baggage", latin.clone());
    for _ in 0..2 {
        set(&mut headers, &[("sentry-trace", NEW), ("baggage", "b=2,sentry-x=1")]);
        let lines: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
        assert_eq!(lines, [&HeaderValue::from_static("a=1,b=2,sentry-x=1"), &latin]);
    }
}
