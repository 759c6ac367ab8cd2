//! No input makes a composition panic, mix traces, or write an invalid header.

use http::HeaderValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{Sentry, SentryTrace};

use super::inner::{Headers, SPAN, TRACE};
use crate::lists::Composition;

const SENTRY_TRACES: [&str; 7] = [
    "",
    ",",
    "12312012123120121231201212312012-1121201211212012",
    "12312012123120121231201212312012-1121201211212012-1",
    "00000000000000000000000000000000-0000000000000000-1",
    "\u{0},1-1-1,12312012123120121231201212312012-1121201211212012-0",
    "\u{e9}2312012123120121231201212312012-1121201211212012-1",
];
const BAGGAGES: [&str; 14] = [
    "",
    ",;=,=",
    "sentry-",
    "sentry-=1,sentry-trace_id",
    "sentry-trace_id=,sentry-org_id=,sentry-sample_rand=,sentry-sample_rate=",
    "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sampled=true",
    "sentry-trace_id=12312012123120121231201212312012,sentry-sample_rand=1e-400,sentry-sample_rate=1e400",
    "sentry-sample_rand=NaN,sentry-sample_rate=-0,sentry-sampled=maybe",
    "sentry-release=%,sentry-x=%zz%C3,k=%,%=%",
    "k=v;p=one%0Atwo",
    "k=v;p=1%2Cx=%0Ay",
    "k\u{e9}=\u{e9};\u{e9},sentry-\u{e9}=1,sentry-x=\u{e9}",
    "k=\u{0}\u{7f}\r\n,sentry-k=\u{0}\u{7f}\r\n",
    "sentry-a\"b=1,sentry-a\\b=\"\\,sentry-u=;;;,;;sentry-x=1",
];
const TRACEPARENTS: [&str; 5] = [
    "",
    "00-12312012123120121231201212312012-1121201211212012-01",
    "00-771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-00",
    "ff-12312012123120121231201212312012-1121201211212012-01",
    "00-+1-+1-+1",
];
const TRACESTATES: [&str; 11] = [
    "",
    "sentry=",
    "sentry=c?x;T,sentry-2=x,sentry-3=",
    "sentry=h.a;T;xcheckout",
    "sentry=\u{e9},ot=\u{e9}",
    "sentry=c..;n;n;r;u:;u\"\":\"\"",
    "ot=th:,ot=rv:ffffffffffffff;th:fffffffffffffffff",
    "ot=;;:;th:0;th:8;rv:zz",
    "a=1,a=2,=,b",
    "v=\r\nx,ot=th:8\n",
    "k=============",
];

fn settings() -> [Sentry; 3] {
    let dsn = "https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17";
    [
        Sentry::builder().build(),
        Sentry::builder().dsn(dsn).traces_sample_rate(0.5).strict_trace_continuation(true).build(),
        Sentry::builder()
            .dsn(dsn)
            .traces_sampler(|ctx| ctx.inherit_or_sample_with(1.0))
            .propagate_traceparent(true)
            .prefer_traceparent(true)
            .rewrite_tracestate(true)
            .build(),
    ]
    .map(|sentry| sentry.expect("settings"))
}

/// Every composition under each of the settings.
fn each(mut check: impl FnMut(&str, Composition, &dyn Fn(&Headers) -> Headers)) {
    for (number, sentry) in settings().into_iter().enumerate() {
        let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
        let tracer = provider.tracer("garbage");
        for composition in Composition::ALL {
            let propagator = composition.propagator(&sentry);
            let send = |incoming: &Headers| {
                let cx = propagator.extract_with_context(&Context::new(), incoming);
                let mut sent = Headers::new();
                propagator.inject_context(&cx, &mut sent);
                sent.clear();
                let span = tracer.start_with_context("GET", &cx);
                propagator.inject_context(&cx.with_span(span), &mut sent);
                sent
            };
            check(&format!("settings {number}, {}", composition.name()), composition, &send);
        }
    }
}

#[track_caller]
fn assert_sound(sent: &Headers, composition: Composition, name: &str) {
    let trace: SentryTrace = sent["sentry-trace"].parse().expect("a sentry-trace");
    if composition.baggage_follows() {
        return;
    }
    let trace_id = trace.trace_id().to_string();
    let list = sent.get("baggage").map_or("", String::as_str);
    assert!(HeaderValue::from_str(list).is_ok(), "{name}: {list:?}");
    let named = list.split(',').find_map(|member| member.strip_prefix("sentry-trace_id="));
    let is_named = named.map_or(true, |id| id.is_empty() || id.eq_ignore_ascii_case(&trace_id));
    assert!(is_named, "{name}: {sent:?}");
    if let Some(traceparent) = sent.get("traceparent") {
        let ids = format!("00-{trace_id}-{}-", trace.span_id());
        assert!(traceparent.starts_with(&ids), "{name}: {sent:?}");
    }
}

fn request(sentry_trace: &str, baggage: &str, traceparent: &str, tracestate: &str) -> Headers {
    super::inner::headers([
        ("sentry-trace", sentry_trace),
        ("baggage", baggage),
        ("traceparent", traceparent),
        ("tracestate", tracestate),
    ])
}

#[test]
fn garbage_in_every_header() {
    each(|name, composition, send| {
        let mut tracestates = TRACESTATES.iter().cycle();
        for sentry_trace in SENTRY_TRACES {
            for baggage in BAGGAGES {
                for traceparent in TRACEPARENTS {
                    let tracestate = tracestates.next().expect("a cycle");
                    let incoming = request(sentry_trace, baggage, traceparent, tracestate);
                    let name = format!("{name}: {incoming:?}");
                    assert_sound(&send(&incoming), composition, &name);
                }
            }
        }
    });
}

/// Valid headers with a few changed bytes.
#[test]
fn slightly_changed_headers() {
    const CHANGES: &[char] =
        &[',', ';', '=', '-', '%', '"', '\\', ' ', '\n', '0', 'f', 'G', '\u{e9}', '\u{0}'];
    let valid = [
        format!("{TRACE}-{SPAN}-1"),
        format!("a=1;p=q,sentry-trace_id={TRACE},sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
                 sentry-sample_rate=0.5,sentry-sample_rand=0.250000,sentry-sampled=true,sentry-x-y=z"),
        format!("00-{TRACE}-{SPAN}-01"),
        "sentry=c..;T;p49d0f7386ad645858ae85020e393bef3;r0.5;n0.250000,ot=th:8;rv:bfffffffffffff,vendor=1".to_owned(),
    ];
    let mut state = 17_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    each(|name, composition, send| {
        for _ in 0..300 {
            let mut headers = valid.clone();
            for _ in 0..=next(3) {
                let header = &mut headers[next(4)];
                let mut chars: Vec<char> = header.chars().collect();
                let (at, change) = (next(chars.len()), CHANGES[next(CHANGES.len())]);
                chars[at] = change;
                *header = chars.into_iter().collect();
            }
            let incoming = request(&headers[0], &headers[1], &headers[2], &headers[3]);
            let name = format!("{name}: {incoming:?}");
            assert_sound(&send(&incoming), composition, &name);
        }
    });
}

/// Longer than any limit.
#[test]
fn floods() {
    let long = |unit: &str| unit.repeat(40_000 / unit.len());
    each(|name, composition, send| {
        for baggage in [
            long("a"),
            long("a=1,"),
            long("sentry-x=1,"),
            long("sentry-"),
            long(","),
            long("sentry-%=%,"),
        ] {
            for (sentry_trace, tracestate) in [
                (long("1"), long("a=1,")),
                (long(","), long("sentry=")),
                (format!("{TRACE}-{SPAN}"), long("ot=th:8;")),
            ] {
                let traceparent = format!("00-{TRACE}-{SPAN}-01");
                let incoming = request(&sentry_trace, &baggage, &traceparent, &tracestate);
                let sent = send(&incoming);
                assert_sound(&sent, composition, name);
                if !composition.baggage_follows() {
                    assert!(sent.get("baggage").map_or(0, String::len) <= 8192, "{name}");
                }
            }
        }
    });
}

/// The context's own baggage can contain anything.
#[test]
fn any_own_baggage() {
    let sentry = settings().into_iter().last().expect("settings");
    for composition in Composition::ALL {
        let propagator = composition.propagator(&sentry);
        for (value, metadata) in [
            ("\r\n", ""),
            ("v", "p=\r\nx: y"),
            ("\u{0}", "\u{0}"),
            ("a,b=c", "d,e=\n"),
            ("%", "%,sentry-x=1"),
        ] {
            let mut own = opentelemetry::baggage::Baggage::new();
            let _ = own.insert_with_metadata("k", value, metadata);
            let cx = Context::new()
                .with_baggage(own)
                .with_remote_span_context(super::inner::span_context(true, ""));
            let mut sent = Headers::new();
            propagator.inject_context(&cx, &mut sent);
            assert_sound(
                &sent,
                composition,
                &format!("{}, {value:?}, {metadata:?}", composition.name()),
            );
        }
    }
}
