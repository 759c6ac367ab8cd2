//! The carrier that merges into a request's existing headers, by the rules of Sentry's JavaScript
//! SDK.

#[cfg(feature = "sdk")]
mod composed;
#[cfg(feature = "sdk")]
#[path = "../composition/lists.rs"]
mod lists;

use arbitrary::Unstructured;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_sentry::MergingInjector;
use quickcheck::{Gen, QuickCheck};

const OLD: &str = "ffffffffffffffffffffffffffffffff-ffffffffffffffff-1";
const NEW: &str = "12312012123120121231201212312012-1121201211212012-0";

/// Far more lines than a list may have members or bytes.
const MANY: usize = 2_100;

type Lines = &'static [(&'static str, &'static str)];

struct Row {
    name: &'static str,
    /// sentry-javascript f7a6cc0c, or the reason for the row.
    source: &'static str,
    request: Lines,
    set: Lines,
    out: Lines,
}

const ROWS: [Row; 27] = [
    Row {
        name: "an empty request",
        source: "as HeaderInjector",
        request: &[],
        set: &[("sentry-trace", NEW), ("baggage", "a=1,sentry-x=1"), ("other", "1")],
        out: &[("sentry-trace", NEW), ("baggage", "a=1,sentry-x=1"), ("other", "1")],
    },
    Row {
        name: "an empty request gets Sentry members behind the others",
        source: "same as beside a request's own",
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
        name: "stale Sentry members are removed",
        source: "propagator.test.ts: foo=bar,other=yes,sentry-release=9.9.9,sentry-other=yes",
        request: &[("baggage", "foo=bar,other=yes,sentry-release=9.9.9,sentry-other=yes")],
        set: &[("sentry-trace", NEW), ("baggage", "sentry-release=1")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,other=yes,sentry-release=1")],
    },
    Row {
        name: "they are removed as a set, even without a sentry-trace",
        source: "baggage.ts, rule 2",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar,sentry-other=yes")],
        set: &[("baggage", "sentry-release=1")],
        out: &[("baggage", "foo=bar,sentry-release=1")],
    },
    Row {
        name: "they are removed even without new ones",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar")],
    },
    Row {
        name: "they are removed after a space and a tab",
        source: "W3C Baggage: OWS",
        request: &[("baggage", "foo=bar, sentry-release=9.9.9,\tsentry-x=2")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar")],
    },
    Row {
        name: "they are removed, and no header is left",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9")],
        set: &[("sentry-trace", NEW)],
        out: &[("sentry-trace", NEW)],
    },
    Row {
        name: "they are removed if the new baggage has none",
        source: "one trace",
        request: &[("baggage", "sentry-release=9.9.9,foo=bar")],
        set: &[("sentry-trace", NEW), ("baggage", "a=1")],
        out: &[("sentry-trace", NEW), ("baggage", "foo=bar,a=1")],
    },
    Row {
        name: "they stay if the new baggage has none and there is no sentry-trace",
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
        source: "byte for byte, except white space",
        request: &[("baggage", " a = 1;p=q ,b=%C3%a9 ,, c==d,e=x y")],
        set: &[("baggage", "a=2,b=3,c=4,sentry-x=%c3")],
        out: &[("baggage", "a=1;p=q,b=%C3%a9,c==d,e=x y,sentry-x=%c3")],
    },
    Row {
        name: "a tab beside a key is not part of it",
        source: "W3C Baggage: key OWS = OWS value",
        request: &[("baggage", "foo\t=1,bar \t=\t 2\t")],
        set: &[("baggage", "foo=3,bar=4,sentry-x=1")],
        out: &[("baggage", "foo=1,bar=2,sentry-x=1")],
    },
    Row {
        name: "white space in what is injected",
        source: "W3C Baggage: key OWS = OWS value",
        request: &[],
        set: &[("baggage", "\tsentry-x\t=1, foo \t= 2\t")],
        out: &[("baggage", "foo=2,sentry-x=1")],
    },
    Row {
        name: "white space around properties",
        source: "W3C Baggage: value *( OWS ; OWS property )",
        request: &[("baggage", "a=1\t;\tp\t=\tq ; r ,b=2")],
        set: &[("baggage", "c=3;\ts")],
        out: &[("baggage", "a=1;p=q;r,b=2,c=3;s")],
    },
    Row {
        name: "a tab inside a key or a value is encoded once",
        source: "not a baggage octet",
        request: &[("baggage", "a=1\t2")],
        set: &[("baggage", "f\to=1,g=1\t2")],
        out: &[("baggage", "a=1%092,f%09o=1,g=1%092")],
    },
    Row {
        name: "text outside ASCII is encoded",
        source: "one list that every reader can read",
        request: &[("baggage", "name=José,a=1,sentry-x=é")],
        set: &[("sentry-trace", NEW), ("baggage", "name=x,sentry-x=é")],
        out: &[("sentry-trace", NEW), ("baggage", "name=Jos%C3%A9,a=1,sentry-x=%C3%A9")],
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
        source: "DIFFERENCE: propagator.ts, rule 1: JavaScript writes nothing here",
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
        name: "a request without them is unchanged",
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
        name: "bytes that no header can hold",
        source: "the request's headers are kept",
        request: &[("baggage", "a=1")],
        set: &[("baggage", "b=x\ny,c=3")],
        out: &[("baggage", "a=1,b=x%0Ay,c=3")],
    },
    Row {
        name: "bytes that no header can hold, in Sentry's headers",
        source: "the request's headers are kept",
        request: &[("baggage", "a=1")],
        set: &[("baggage", "sentry-x=\n,c=3")],
        out: &[("baggage", "a=1,c=3,sentry-x=%0A")],
    },
];

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
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
fn every_row_merges_as_specified() {
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

#[test]
fn room_is_reserved_in_the_map() {
    let mut headers = HeaderMap::new();
    MergingInjector(&mut headers).reserve(20);
    assert!(headers.capacity() >= 20);
}

fn members(count: usize, len: usize) -> String {
    let member = |index| format!("k{index:03}={}", "v".repeat(len - 5));
    (0..count).map(member).collect::<Vec<_>>().join(",")
}

/// The injected Sentry members are kept first, then the request's, then the other injected members.
/// Only whole members are kept.
#[test]
fn within_the_limits_the_injected_sentry_members_come_first() {
    const DSC: &str = "sentry-trace_id=1,sentry-release=2,sentry-x=3";
    // The number of the request's members, the length of each, and the number that stay.
    for (count, len, kept, others_kept) in [
        (0, 10, 0, 1),
        (60, 10, 60, 1),
        (61, 10, 61, 0),
        (62, 10, 61, 0),
        (200, 10, 61, 0),
        (40, 200, 40, 1),
        (41, 200, 40, 1),
        (60, 200, 40, 1),
        // One byte more than fits: 8192 minus the DSC and its comma.
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

/// A request's member that is too long to be kept must not displace an injected member of its key.
#[test]
fn a_member_that_does_not_fit_does_not_hide_another() {
    // Too long to be read, and too long beside the injected DSC.
    for len in [9000, 8180] {
        let mut headers = HeaderMap::new();
        headers.insert("baggage", format!("b=2,a={}", "v".repeat(len)).parse().expect("a value"));
        for _ in 0..2 {
            set(&mut headers, &[("sentry-trace", NEW), ("baggage", "a=1,b=1,sentry-x=1")]);
            assert_eq!(headers["baggage"], "b=2,a=1,sentry-x=1", "{len}");
        }
    }
}

/// Many readers hide a line with a byte outside ASCII, so it is encoded when the list is rewritten.
/// Until then the request keeps its bytes.
#[test]
fn a_line_that_is_not_ascii_is_part_of_the_list() {
    let latin = HeaderValue::from_bytes(b"name=Jos\xe9").expect("a value");
    let mut headers = map(&[("baggage", "a=1")]);
    headers.append("baggage", latin.clone());
    set(&mut headers, &[("sentry-trace", NEW)]);
    let lines: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
    assert_eq!(lines, [&HeaderValue::from_static("a=1"), &latin]);
    for _ in 0..2 {
        set(&mut headers, &[("sentry-trace", NEW), ("baggage", "name=x,b=2,sentry-x=1")]);
        let lines: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
        assert_eq!(lines, ["a=1,name=Jos%C3%A9,b=2,sentry-x=1"]);
    }
}

/// A list is left as it is, white space included, up to the last byte that is read. Beyond it only
/// the whole members that were searched for stale `sentry-*` stay.
#[test]
fn at_the_limit_of_bytes() {
    let list = |len: usize| format!("a = 1,b={}", "v".repeat(len - "a = 1,b=".len()));
    let full = list(8192);
    for (name, lines, out) in [
        ("one line", vec![&*full], Some(&*full)),
        ("one byte more", vec![&*list(8193)], Some("a=1")),
        ("a stale member behind it", vec![&*full, "sentry-release=old"], None),
        ("an empty line behind it", vec![&*full, ""], None),
    ] {
        let lines: Vec<(&str, &str)> = lines.into_iter().map(|line| ("baggage", line)).collect();
        let mut headers = map(&lines);
        set(&mut headers, &[("sentry-trace", NEW)]);
        let sent: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
        let tight = full.replacen(" = ", "=", 1);
        assert_eq!(sent, [out.unwrap_or(&tight)], "{name}");
    }
}

/// The limit of bytes also applies in a request that has no `baggage` of its own.
#[test]
fn an_injected_list_over_the_limit_of_bytes() {
    for (len, kept) in [(128, 64), (129, 63), (200, 40)] {
        let mut headers = HeaderMap::new();
        // With its comma each takes one byte more.
        set(&mut headers, &[("baggage", &members(64, len - 1))]);
        let list = headers["baggage"].to_str().expect("text");
        assert_eq!(list.split(',').count(), kept, "{len}");
        assert!(list.len() <= 8192 && list.split(',').all(|m| m.len() == len - 1), "{len}");
    }
}

/// Of many lines, those within W3C Baggage's limits stay. Only lines that were read are sent.
///
/// A debug build of `http` reads all values for each removed value, so use no more lines than
/// these.
#[test]
fn more_lines_than_a_list_may_have() {
    for (line, least) in [("k=v", 63), ("", 0), ("sentry-old=1", 0)] {
        for baggage in [None, Some("sentry-x=1"), Some("a=1")] {
            let name = format!("{line:?} and {baggage:?}");
            let mut headers = HeaderMap::new();
            for _ in 0..MANY {
                headers.append("baggage", HeaderValue::from_static(line));
            }
            headers.append("baggage", HeaderValue::from_static("sentry-last=1"));
            let mut once = None;
            for _ in 0..2 {
                set(&mut headers, &[("sentry-trace", NEW)]);
                set(&mut headers, &baggage.map_or(vec![], |list| vec![("baggage", list)]));
                let lines: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
                assert!(lines.len() <= 1, "{name}: {} lines", lines.len());
                let list = lines.first().map_or("", |list| list.to_str().expect("text")).to_owned();
                let members: Vec<&str> = list.split(',').filter(|m| !m.is_empty()).collect();
                // A request that gets no list keeps its own members.
                assert!(baggage.is_none() || members.len() <= 64, "{name}: {list}");
                assert!(
                    members.iter().filter(|member| **member == "k=v").count() >= least,
                    "{name}"
                );
                assert!(!list.contains("sentry-old") && !list.contains("sentry-last"), "{name}");
                assert_eq!(baggage == Some("sentry-x=1"), list.contains("sentry-x=1"), "{name}");
                assert_eq!(*once.get_or_insert_with(|| list.clone()), list, "{name}");
            }
        }
    }
}

/// A member with optional white space everywhere that W3C Baggage allows it, and the same member
/// without.
fn member(choices: &mut Unstructured<'_>) -> arbitrary::Result<(String, String)> {
    let mut tight = String::new();
    let mut spaced = String::new();
    let mut add = |choices: &mut Unstructured<'_>, text: &str| {
        for text in [*choices.choose(&["", "", "", " ", "\t", " \t "])?, text] {
            spaced += text;
        }
        tight += text;
        Ok(())
    };
    let key = choices.choose(&["a", "b", "sentry-x", "sentry-y", "c"])?;
    let value = choices.choose(&["1", "", "x=y", "%C3%A9"])?;
    for text in [key, "=", value] {
        add(choices, text)?;
    }
    for _ in 0..choices.int_in_range(0..=2)? {
        let property: &[&str] = choices.choose(&[&["p", "=", "1"][..], &["q"], &["p", "=", ""]])?;
        for text in [&[";"], property].concat() {
            add(choices, text)?;
        }
    }
    add(choices, "")?;
    Ok((spaced, tight))
}

/// Lines of members. The first of each pair has white space, the second has none.
fn spaced_lines(choices: &mut Unstructured<'_>) -> arbitrary::Result<Vec<(String, String)>> {
    let lines = choices.int_in_range(0..=3)?;
    let mut line = || {
        let members = choices.int_in_range(1..=3)?;
        let members: arbitrary::Result<(Vec<_>, Vec<_>)> =
            (0..members).map(|_| member(choices)).collect();
        members.map(|(spaced, tight)| (spaced.join(","), tight.join(",")))
    };
    (0..lines).map(|_| line()).collect()
}

/// White space changes nothing, and merging twice equals merging once.
#[test]
fn white_space_is_optional() {
    fn optional(choices: Vec<u8>, trace: bool) {
        let mut choices = Unstructured::new(&choices);
        let [request, injected] =
            [(); 2].map(|()| spaced_lines(&mut choices).expect("choices never run out"));
        let merge = |choose: fn(&(String, String)) -> &String| {
            let mut headers = HeaderMap::new();
            for line in &request {
                headers.append("baggage", choose(line).parse().expect("a value"));
            }
            let list: Vec<&str> = injected.iter().map(|line| choose(line).as_str()).collect();
            let list = list.join(",");
            let mut pairs = vec![("baggage", list.as_str())];
            if trace {
                pairs.insert(0, ("sentry-trace", NEW));
            }
            set(&mut headers, &pairs);
            let once = headers.clone();
            set(&mut headers, &pairs);
            assert_eq!(headers, once, "{request:?} and {pairs:?}, twice");
            headers
        };
        let (spaced, tight) = (merge(|line| &line.0), merge(|line| &line.1));
        // A request that gets no headers keeps its lines unchanged.
        if !injected.is_empty() {
            assert_eq!(spaced.get("baggage"), tight.get("baggage"));
        }
    }
    QuickCheck::new().tests(256).rng(Gen::new(250)).quickcheck(optional as fn(Vec<u8>, bool));
}
