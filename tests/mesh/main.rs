//! A mesh between two of our services, over HTTP: proxies that rewrite, drop and join headers, and
//! a service without Sentry. The trace stays whole and the DSC arrives.

mod proxies;
mod stations;
mod traces;

use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sentry::{DynamicSamplingContext, SentryTrace};

use proxies::{doubles, drops_sentry_trace, joins_with_commas, own_span, own_tracestate};
use stations::{line, list, Mesh, Passage, Station};
use traces::{Trace, TRACES};

/// For the whole test. Each request has its own, shorter timeout.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The stations between the two services.
struct Middle {
    name: &'static str,
    stations: &'static [Station],
    /// Without it a deferred decision becomes a negative one, because the flag of `traceparent` has
    /// two states.
    sentry_trace_arrives: bool,
    /// Whether the DSC passes through OTel's `BaggagePropagator`, which decodes and re-encodes values
    /// and does not keep their order.
    reencodes: bool,
    /// Other parties' members of the `tracestate` that the last service sends.
    tracestate: &'static [&'static str],
}

const REWRITES: Middle = Middle {
    name: "a proxy with its own span in traceparent",
    stations: &[Station::Proxy(own_span)],
    sentry_trace_arrives: true,
    reencodes: false,
    tracestate: &[],
};

const MIDDLES: [Middle; 8] = [
    Middle { name: "nothing", stations: &[], ..REWRITES },
    REWRITES,
    Middle {
        name: "a proxy with its own span and tracestate member",
        stations: &[Station::Proxy(own_tracestate)],
        tracestate: &["mesh=1"],
        ..REWRITES
    },
    Middle {
        name: "a proxy that drops sentry-trace",
        stations: &[Station::Proxy(drops_sentry_trace)],
        sentry_trace_arrives: false,
        ..REWRITES
    },
    Middle {
        name: "a proxy with its own span, and one that drops sentry-trace",
        stations: &[Station::Proxy(own_tracestate), Station::Proxy(drops_sentry_trace)],
        sentry_trace_arrives: false,
        tracestate: &["mesh=1"],
        ..REWRITES
    },
    Middle {
        name: "every Sentry header twice, and a proxy that joins them with commas",
        stations: &[Station::Proxy(doubles), Station::Proxy(joins_with_commas)],
        ..REWRITES
    },
    Middle {
        name: "a stock OTel service",
        stations: &[Station::Stock],
        sentry_trace_arrives: false,
        reencodes: true,
        tracestate: &[],
    },
    Middle {
        name: "two stock OTel services with a proxy between them",
        stations: &[Station::Stock, Station::Proxy(own_tracestate), Station::Stock],
        sentry_trace_arrives: false,
        reencodes: true,
        tracestate: &["mesh=1"],
    },
];

#[tokio::test]
async fn every_trace_passes_every_mesh() {
    let passages = async {
        for middle in &MIDDLES {
            for trace in &TRACES {
                let passage = Mesh::start(trace, middle.stations).await.pass(trace.headers).await;
                check(&passage, trace, middle);
            }
        }
    };
    tokio::time::timeout(TIMEOUT, passages).await.expect("every request ends in time");
}

fn check(passage: &Passage, trace: &Trace, middle: &Middle) {
    let case = format!("{} through {}", trace.name, middle.name);
    // The second of our services is the last but one. The last station records what it sends.
    let last = passage.seen.len() - 1;
    let (from_front, to_back, from_back) =
        (&passage.seen[1], &passage.seen[last - 1], &passage.seen[last]);
    let sent: SentryTrace =
        line(from_front, "sentry-trace").expect("sentry-trace").parse().expect("a valid one");
    let left: SentryTrace =
        line(from_back, "sentry-trace").expect("sentry-trace").parse().expect("a valid one");

    // One trace at every station, in Sentry's headers and in W3C's.
    let trace_id = sent.trace_id().to_string();
    if let Some(continued) = trace.headers.iter().find(|(name, _)| *name == "sentry-trace") {
        assert!(continued.1.starts_with(&trace_id), "{case}");
    }
    for (station, seen) in passage.seen.iter().enumerate().skip(1) {
        let sentry_trace = list(seen, "sentry-trace");
        let traceparent = line(seen, "traceparent").expect("traceparent");
        assert_eq!(&traceparent[3..35], trace_id, "{case}: traceparent at station {station}");
        assert!(sentry_trace.iter().all(|element| element.starts_with(&trace_id)), "{case}");
        let state = list(seen, "tracestate");
        assert!(state.iter().all(|member| !member.starts_with("sentry")), "{case}: {state:?}");
    }
    assert_eq!(!list(to_back, "sentry-trace").is_empty(), middle.sentry_trace_arrives, "{case}");

    // One decision.
    // W3C's 00 means unsampled or undecided. Only a DSC without `sampled` shows that the trace is
    // undecided.
    let dsc_arrives = list(to_back, "baggage").iter().any(|it| it.starts_with("sentry-trace_id="));
    let is_lost = !middle.sentry_trace_arrives && !dsc_arrives;
    let decision = trace.decision.or(is_lost.then_some(false));
    assert_eq!(sent.sampled(), trace.decision, "{case}: decision of the first service");
    assert_eq!(left.sampled(), decision, "{case}: decision of the last service");
    let traceparent = line(from_back, "traceparent").expect("traceparent");
    let w3c = if decision == Some(true) { "-01" } else { "-00" };
    assert!(traceparent.ends_with(w3c), "{case}: {traceparent}");
    check_spans(passage, sent, middle, &case);

    check_dsc(&[from_front, to_back, from_back], trace, middle, &case);

    // Other parties' members, and `ot`, from which they read the sampling.
    let own = |members: Vec<String>| -> Vec<String> {
        members.into_iter().filter(|member| !member.starts_with("sentry-")).collect()
    };
    assert_eq!(own(list(from_back, "baggage")), trace.baggage(), "{case}");
    let (ot, foreign): (Vec<String>, Vec<String>) =
        list(from_back, "tracestate").into_iter().partition(|member| member.starts_with("ot="));
    assert_eq!(foreign, middle.tracestate, "{case}");
    let (sent_ot, _): (Vec<String>, Vec<String>) =
        list(from_front, "tracestate").into_iter().partition(|member| member.starts_with("ot="));
    assert_eq!(ot, sent_ot, "{case}");
    assert_eq!(ot.iter().any(|ot| ot.contains("th:")), decision == Some(true), "{case}: {ot:?}");
}

/// Spans are exported exactly if the trace is sampled, below the caller's span.
fn check_spans(passage: &Passage, sent: SentryTrace, middle: &Middle, case: &str) {
    let exported = [&passage.front, &passage.back].map(|spans| spans.len());
    let expected = if sent.sampled() == Some(true) { 2 } else { 0 };
    assert_eq!(exported, [expected; 2], "{case}: exported spans");
    let server = passage.back.iter().find(|span| span.span_kind == SpanKind::Server);
    if let Some(server) = server {
        assert_eq!(server.span_context.trace_id(), sent.trace_id(), "{case}");
        let seen = &passage.seen[passage.seen.len() - 2];
        let traceparent = line(seen, "traceparent").expect("traceparent");
        let caller = match middle.sentry_trace_arrives {
            // Our service's span is always in Sentry. A proxy's span may not be.
            true => sent.span_id(),
            false => SpanId::from_hex(&traceparent[36..52]).expect("a span id"),
        };
        assert_eq!(server.parent_span_id, caller, "{case}");
    }
}

/// The last service forwards the DSC of the first one.
fn check_dsc(
    [from_front, to_back, from_back]: &[&HeaderMap; 3],
    trace: &Trace,
    middle: &Middle,
    case: &str,
) {
    let members = |headers| -> Vec<String> {
        let members = list(headers, "baggage").into_iter();
        members.filter(|member| member.starts_with("sentry-")).collect()
    };
    let (sent, arrived, left) = (members(from_front), members(to_back), members(from_back));
    match trace.dsc() {
        Some(continued) => assert_eq!(sent, continued, "{case}: frozen in the first service"),
        None => assert!(sent.contains(&"sentry-release=front%401%2B2".to_owned()), "{case}"),
    }
    if middle.reencodes {
        // First the decoded values by key, then the raw bytes.
        assert_eq!(decoded(&arrived), decoded(&sent), "{case}: decoded");
        assert_eq!(left, arrived, "{case}: frozen in the last service");
    } else {
        assert_eq!(left, sent, "{case}: bytes");
    }
}

/// Keys and decoded values, sorted.
fn decoded(members: &[String]) -> Vec<(String, String)> {
    let list = members.join(",");
    let dsc = DynamicSamplingContext::parse(&list);
    let value = |key: &str| dsc.get(key).unwrap_or_default().into_owned();
    let mut decoded: Vec<_> = dsc.iter().map(|(key, _)| (key.to_owned(), value(key))).collect();
    decoded.sort();
    decoded
}
