//! The cost of reading is bounded by the headers' limits, not by their size.

#[path = "../common/mod.rs"]
mod common;

use std::alloc::System;
use std::cell::Cell;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::ShouldSample;
use opentelemetry_sentry::{
    Dsn, DynamicSamplingContext, PropagationTargets, Sentry, SentryTrace, Target,
};

use common::{Headers, DSN, SPAN_ID, TRACE_ID};
use stats_alloc::{Region, Stats, StatsAlloc, INSTRUMENTED_SYSTEM};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The limit for reading a list.
const LIMIT: usize = 8192;

/// One header of many bytes.
const HUGE: usize = 10_000_000;
const LARGE: usize = 1_000_000;

/// Headers that count their reads and the allocations of returned values.
struct Counting {
    headers: Vec<(&'static str, Vec<String>)>,
    calls: Cell<usize>,
    answered_bytes: Cell<usize>,
}

impl Counting {
    fn new(headers: Vec<(&'static str, Vec<String>)>) -> Self {
        Counting { headers, calls: Cell::new(0), answered_bytes: Cell::new(0) }
    }

    fn values(&self, name: &str) -> Option<&[String]> {
        self.calls.set(self.calls.get() + 1);
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, values)| values.as_slice())
    }
}

impl Extractor for Counting {
    fn get(&self, key: &str) -> Option<&str> {
        self.values(key)?.first().map(String::as_str)
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<&str> = self.values(key)?.iter().map(String::as_str).collect();
        let bytes = values.capacity() * std::mem::size_of::<&str>();
        self.answered_bytes.set(self.answered_bytes.get() + bytes);
        Some(values)
    }

    fn keys(&self) -> Vec<&str> {
        self.calls.set(self.calls.get() + 1);
        self.headers.iter().map(|(name, _)| *name).collect()
    }
}

/// Headers as hostile as possible; larger numbers give longer headers.
fn hostile(bytes: usize) -> Vec<(&'static str, Counting)> {
    let trace = || ("sentry-trace", vec![format!("{TRACE_ID}-{SPAN_ID}-1")]);
    let list = |part: &str| part.repeat(bytes / part.len());
    let baggage = |part: &str| Counting::new(vec![trace(), ("baggage", vec![list(part)])]);
    let lines = |part: &str| vec![part.to_owned(); bytes / 64];
    let traces = vec![trace(), ("traceparent", vec![format!("00-{TRACE_ID}-{SPAN_ID}-01")])];
    let tracestate = Counting::new([traces, vec![("tracestate", vec![list("k=v,")])]].concat());
    vec![
        ("one member", baggage("a")),
        ("commas", baggage(",")),
        ("spaces", baggage(" ")),
        ("foreign members", baggage("k=v,")),
        ("Sentry members of one key", baggage("sentry-release=a,")),
        ("members to encode", baggage("sentry-release=\u{1}é,")),
        ("members without a value", baggage("sentry-a,")),
        ("escapes", baggage("sentry-org_id=%31%31,")),
        ("properties", baggage("sentry-a=1;")),
        ("equals signs", baggage("sentry-a=====")),
        (
            "Sentry members of many keys",
            Counting::new(vec![trace(), ("baggage", vec![many(bytes)])]),
        ),
        ("lines", Counting::new(vec![trace(), ("baggage", lines("sentry-a=1"))])),
        ("empty lines", Counting::new(vec![trace(), ("baggage", vec![String::new(); bytes / 64])])),
        ("a trace id", Counting::new(vec![("sentry-trace", vec![list("a")])])),
        ("traces", Counting::new(vec![("sentry-trace", vec![list("1-1,")])])),
        ("lines of traces", Counting::new(vec![("sentry-trace", lines("1-1"))])),
        ("trace state", tracestate),
    ]
}

fn many(bytes: usize) -> String {
    // Bytes beyond this are not read.
    let members: Vec<String> =
        (0..(bytes / 12).min(10_000)).map(|n| format!("sentry-{n}=v")).collect();
    members.join(",")
}

/// The allocations of a run.
#[derive(Debug)]
struct Cost {
    bytes: usize,
    count: usize,
}

/// The minimum of a few runs: the harness's own thread can only add allocations.
fn cost(run: impl Fn()) -> Cost {
    let once = || {
        let region = Region::new(ALLOCATOR);
        run();
        let Stats { allocations, bytes_allocated, .. } = region.change();
        Cost { bytes: bytes_allocated, count: allocations }
    };
    (0..3).map(|_| once()).min_by_key(|cost| (cost.bytes, cost.count)).expect("three")
}

/// Extract and inject without the carrier's own allocations, and the number of carrier reads.
fn request(propagator: &dyn TextMapPropagator, carrier: &Counting) -> (Cost, usize) {
    let run = || {
        carrier.calls.set(0);
        carrier.answered_bytes.set(0);
        let cx = propagator.extract_with_context(&Context::new(), carrier);
        propagator.inject_context(&cx, &mut Headers::new());
    };
    // The first run allocates per-thread state.
    run();
    let mut counted = cost(run);
    counted.bytes = counted.bytes.saturating_sub(carrier.answered_bytes.get());
    (counted, carrier.calls.get())
}

fn sentry() -> Sentry {
    Sentry::builder().dsn(DSN).release("shop@1.2.3").build().expect("settings")
}

/// The allocation counter is global, so this suite has only this test.
#[test]
fn reading_costs_what_the_limits_allow() {
    nothing_grows_beyond_the_limit();
    allocations_are_linear_in_the_input();
    rejected_input_allocates_nothing();
    a_span_costs_what_the_limits_allow();
    many_targets_read_only_the_start_of_a_url();
    headers_are_asked_for_a_constant_number_of_times();
    #[cfg(feature = "http")]
    http::existing_lines_are_read_up_to_the_limits();
    #[cfg(feature = "http")]
    http::lines_of_ascii_are_borrowed();
    #[cfg(feature = "http")]
    http::a_list_of_ours_is_not_copied();
}

fn nothing_grows_beyond_the_limit() {
    let alone = sentry().propagator();
    let wrap_baggage = sentry().propagator().wrap(BaggagePropagator::new());
    for (name, carrier) in hostile(HUGE) {
        let (cost, calls) = request(&alone, &carrier);
        assert!(cost.bytes <= 4 * LIMIT, "{name}: {cost:?}");
        assert!(calls <= 4, "{name}: {calls} calls");
        let (cost, calls) = request(&wrap_baggage, &carrier);
        assert!(cost.bytes <= 4 * LIMIT, "{name} wrapped: {cost:?}");
        assert!(calls <= 8, "{name} wrapped: {calls} calls");
    }
}

/// Up to the limit allocations grow at most linearly with the input; beyond it they stay constant.
fn allocations_are_linear_in_the_input() {
    let propagator = sentry().propagator();
    let of = |bytes: usize| -> Vec<(&str, Cost)> {
        let carriers = hostile(bytes).into_iter();
        carriers.map(|(name, carrier)| (name, request(&propagator, &carrier).0)).collect()
    };
    for bytes in [64, 512, 4096, 8192] {
        for ((name, one), (_, four)) in of(bytes).into_iter().zip(of(4 * bytes)) {
            let most = 4 * one.bytes + 2048;
            assert!(four.bytes <= most, "{name}, {bytes} bytes: {one:?}, {four:?}");
            assert!(four.count <= 4 * one.count + 16, "{name}, {bytes} bytes");
        }
    }
    for ((name, at_limit), (_, beyond)) in of(4 * 8192).into_iter().zip(of(LARGE)) {
        let most = at_limit.bytes + 256;
        assert!(beyond.bytes <= most, "{name}: {at_limit:?}, {beyond:?}");
    }
}

fn rejected_input_allocates_nothing() {
    let texts = ["a", "-", "1", "https://", "é", " "].map(|part| part.repeat(LARGE / part.len()));
    let targets = PropagationTargets::new(["https://api.myecommerce.com"]);
    for text in &texts {
        let counted = cost(|| {
            assert!(text.parse::<SentryTrace>().is_err());
            assert!(text.parse::<Dsn>().is_err());
            assert!(!targets.matches(text));
        });
        assert_eq!(counted.count, 0, "{counted:?}");
        let counted = cost(|| assert!(DynamicSamplingContext::parse(text).is_empty()));
        assert!(counted.bytes <= LIMIT, "{counted:?}");
    }
}

/// Names and URLs are the application's, but may contain a client's text.
fn a_span_costs_what_the_limits_allow() {
    let targets = ["https://API.myecommerce.com/", "/Cart"].map(Target::from);
    let builder = Sentry::builder().dsn(DSN).traces_sample_rate(1.0);
    let sampler = builder.trace_propagation_targets(targets).build().expect("settings").sampler();
    let key = |key: &'static str, value: &str| KeyValue::new(key, value.to_owned());
    let attributes = |bytes: usize| {
        let long = "\u{e9}A/".repeat(bytes / 4);
        let host = [key("url.scheme", &long), key("server.address", &long)];
        vec![
            ("a name", long.clone(), vec![]),
            ("a route", long.clone(), vec![key("http.route", &long)]),
            ("an RPC", long.clone(), vec![key("rpc.system", &long)]),
            ("url.full", "GET".to_owned(), vec![key("url.full", &long)]),
            ("a host", "GET".to_owned(), host.to_vec()),
            ("an address", "GET".to_owned(), host[1..].to_vec()),
            ("a path", "GET".to_owned(), [&host[..], &[key("url.path", &long)]].concat()),
        ]
    };
    for (name, span, attributes) in attributes(HUGE) {
        let counted = cost(|| {
            let kind = SpanKind::Client;
            let id = TraceId::from(1_u128);
            sampler.should_sample(None, id, &span, &kind, &attributes, &[]);
        });
        assert!(counted.bytes <= 8 * LIMIT, "{name}: {counted:?}");
        assert!(counted.count <= 40, "{name}: {counted:?}");
    }
}

/// A URL is lowercased once, for any number of targets.
fn many_targets_read_only_the_start_of_a_url() {
    let targets = PropagationTargets::new((0..1000).map(|n| format!("https://{n}.example/")));
    let url = |bytes| "HTTPS://api.example/".repeat(bytes / 20);
    for bytes in [10_000, HUGE] {
        let url = url(bytes);
        let counted = cost(|| assert!(!targets.matches(&url)));
        assert!(counted.bytes <= LIMIT && counted.count <= 1, "{bytes}: {counted:?}");
        // One that is in lower case is not copied.
        let url = url.to_ascii_lowercase();
        let counted = cost(|| assert!(!targets.matches(&url)));
        assert_eq!(counted.count, 0, "{bytes}: {counted:?}");
    }
}

/// Around W3C's propagator: we cannot bound its reads of `traceparent`, but we bound their number.
fn headers_are_asked_for_a_constant_number_of_times() {
    let propagator = sentry().propagator().wrap(TraceContextPropagator::new());
    for ((name, small), (_, large)) in hostile(64).into_iter().zip(hostile(LARGE)) {
        let (small, large) = (request(&propagator, &small).1, request(&propagator, &large).1);
        assert_eq!(small, large, "{name}");
    }
}

#[cfg(feature = "http")]
mod http {
    use http::{HeaderMap, HeaderValue};
    use opentelemetry::propagation::{Extractor, Injector};
    use opentelemetry_http::{HeaderExtractor, HeaderInjector};
    use opentelemetry_sentry::{HeaderMapExtractor, MergingInjector};

    use crate::{cost, Cost, LARGE, LIMIT};

    fn headers(lines: usize, line: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for _ in 0..lines {
            headers.append("baggage", HeaderValue::from_bytes(line).expect("a value"));
        }
        headers
    }

    /// The allocations of merging into these lines, without the copy of the request.
    fn merge(lines: usize, line: &[u8]) -> Cost {
        let headers = headers(lines, line);
        let merged = |list: Option<&str>| {
            let mut headers = headers.clone();
            if let Some(list) = list {
                let mut carrier = MergingInjector(&mut headers);
                carrier.set("sentry-trace", "new".to_owned());
                carrier.set("baggage", list.to_owned());
            }
        };
        let (copy, all) = (cost(|| merged(None)), cost(|| merged(Some("a=1,sentry-x=1"))));
        Cost { bytes: all.bytes - copy.bytes, count: all.count - copy.count }
    }

    pub(super) fn existing_lines_are_read_up_to_the_limits() {
        for line in ["k=v", "", "sentry-old=1", "k = v", "é", ","] {
            // Lines that fill the limit, and many more.
            let (some, many) = (merge(2_100, line.as_bytes()), merge(3_000, line.as_bytes()));
            for cost in [&some, &many] {
                // A list of references to lines; each line takes at least one byte of the limit.
                assert!(cost.bytes <= 64 * LIMIT, "{line:?}: {cost:?}");
            }
            // Each empty line takes one byte of the limit, so all of these are read.
            if !line.is_empty() && line.len() > 1 {
                let most = some.bytes + 1024;
                assert!(many.bytes <= most, "{line:?}: {some:?}, {many:?}");
            }
            let long = line.repeat(LARGE / line.len().max(1));
            let cost = merge(1, long.as_bytes());
            assert!(cost.bytes <= 16 * LIMIT, "{line:?}, one line: {cost:?}");
        }
    }

    /// A request without `baggage` of its own gets a list of ours as it is: nothing is taken apart.
    pub(super) fn a_list_of_ours_is_not_copied() {
        let set = |injector: fn(&mut HeaderMap, String)| {
            cost(|| {
                let mut headers = HeaderMap::with_capacity(4);
                injector(&mut headers, "tenant=7,user=alice,sentry-x=1,sentry-y=2".to_owned());
                assert_eq!(headers["baggage"], "tenant=7,user=alice,sentry-x=1,sentry-y=2");
            })
        };
        let ours = set(|headers, list| MergingInjector(headers).set("baggage", list));
        let theirs = set(|headers, list| HeaderInjector(headers).set("baggage", list));
        assert!(ours.count <= theirs.count, "{ours:?}, {theirs:?}");
    }

    pub(super) fn lines_of_ascii_are_borrowed() {
        let lines = headers(3, b"sentry-a=1,k=v");
        let read = |carrier: &dyn Extractor| {
            assert!(carrier.get("baggage").is_some() && carrier.get("sentry-trace").is_none());
            assert_eq!(carrier.get_all("baggage").map(|lines| lines.len()), Some(3));
        };
        let theirs = cost(|| read(&HeaderExtractor(&lines)));
        let ours = cost(|| read(&HeaderMapExtractor::new(&lines)));
        assert_eq!((ours.count, ours.bytes), (theirs.count, theirs.bytes));
        // A line that is not ASCII is read up to the limit.
        for byte in [b"\xff".as_slice(), b"\xc3\xa9", b"a,\xff"] {
            let long = headers(1, &byte.repeat(LARGE / byte.len()));
            let counted = cost(|| {
                assert!(HeaderMapExtractor::new(&long).get("baggage").is_some());
            });
            assert!(counted.bytes <= 16 * LIMIT, "{counted:?}");
        }
    }
}
