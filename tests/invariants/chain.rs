//! Three services in one trace. The middle one has a different release, environment and rate.

use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{Sentry, SentryBuilder, SentryTrace};

use super::traces::read_rand;
use crate::common::service::Service;
use crate::common::{dsc, dsc_value, flag, Headers, DSN, TRACE_ID};

/// The public key and organization of another project, and another release.
fn middle() -> SentryBuilder {
    Sentry::builder()
        .dsn("https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/43")
        .release("checkout@7")
        .environment("staging")
}

fn rated(builder: SentryBuilder, rate: Option<f64>) -> Service {
    let builder = match rate {
        Some(rate) => builder.traces_sample_rate(rate),
        None => builder,
    };
    Service::of(&builder.build().unwrap())
}

fn trace(headers: &Headers) -> SentryTrace {
    headers["sentry-trace"].parse().unwrap()
}

fn is_sampled(cx: &Context) -> bool {
    cx.span().span_context().is_sampled()
}

/// One hop: a server span and a client span. Returns the client's context and headers.
fn hop(service: &Service, incoming: Option<&Headers>) -> (Context, Context, Headers) {
    let parent = incoming.map_or(Context::new(), |incoming| service.receive(incoming));
    let server = service.server(&parent, "serve");
    let client = service.client(&server);
    let sent = service.send(&client);
    if let Some(incoming) = incoming.filter(|_| server.span().is_recording()) {
        let server_id = server.span().span_context().span_id();
        let client = service.end(&client).unwrap();
        let server = service.end(&server).unwrap();
        assert_eq!(client.parent_span_id, server_id);
        assert_eq!(server.parent_span_id, trace(incoming).span_id());
        assert!(server.parent_span_is_remote && !client.parent_span_is_remote);
    }
    (server, client, sent)
}

const RATES: [Option<f64>; 5] = [None, Some(0.0), Some(0.7), Some(0.8), Some(1.0)];

#[test]
fn the_heads_dsc_and_decision_reach_the_end() {
    for head_rate in RATES.into_iter().filter(Option::is_some) {
        for (middle_rate, end_rate) in RATES.into_iter().flat_map(|m| RATES.map(|e| (m, e))) {
            let name = format!("{head_rate:?}, {middle_rate:?}, {end_rate:?}");
            let head = rated(Sentry::builder().dsn(DSN).release("shop@1.2.3"), head_rate);
            let (middle, end) = (rated(middle(), middle_rate), rated(middle(), end_rate));
            let (root, _, first) = hop(&head, None);
            let (server, client, second) = hop(&middle, Some(&first));
            let (last, _, third) = hop(&end, Some(&second));

            for sent in [&second, &third] {
                assert_eq!(sent["baggage"], first["baggage"], "{name}");
                assert_eq!(flag(sent), flag(&first), "{name}");
                assert_eq!(trace(sent).trace_id().to_string(), TRACE_ID, "{name}");
            }
            assert_eq!(trace(&second).span_id(), client.span().span_context().span_id());
            // There is one decision: every service with a rate records what the head recorded.
            let recorded = is_sampled(&root);
            assert_eq!(recorded, flag(&first) == Some("1"), "{name}");
            let middle_records = recorded && middle_rate.is_some();
            assert_eq!(is_sampled(&server), middle_records, "{name}");
            assert_eq!(is_sampled(&last), recorded && end_rate.is_some(), "{name}");
        }
    }
}

/// The first service with a rate decides for all downstream services.
#[test]
fn an_undecided_head_leaves_it_to_the_next() {
    for (middle_rate, end_rate) in RATES.into_iter().flat_map(|m| RATES.map(|e| (m, e))) {
        let name = format!("{middle_rate:?}, {end_rate:?}");
        let head = rated(Sentry::builder().dsn(DSN).release("shop@1.2.3"), None);
        let (middle, end) = (rated(middle(), middle_rate), rated(middle(), end_rate));
        let (_, _, first) = hop(&head, None);
        let (_, _, second) = hop(&middle, Some(&first));
        let (_, _, third) = hop(&end, Some(&second));

        assert_eq!(flag(&first), None);
        assert_eq!(dsc_value(&first, "sampled"), None);
        assert_eq!(flag(&second).is_some(), middle_rate.is_some(), "{name}");
        for (sent, rate) in [(&second, middle_rate), (&third, middle_rate.or(end_rate))] {
            // The head's members, then the members of the decision.
            let members = dsc(sent);
            let (heads, added) = members.split_at(dsc(&first).len());
            assert_eq!(heads, dsc(&first), "{name}");
            let Some(rate) = rate else {
                assert!(added.is_empty() && flag(sent).is_none(), "{name}: {added:?}");
                continue;
            };
            let sampled = read_rand(dsc_value(sent, "sample_rand").unwrap()) < rate;
            let expected = [("sample_rate", rate.to_string()), ("sampled", sampled.to_string())];
            let added: Vec<_> = added.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
            assert_eq!(added, expected, "{name}");
            assert_eq!(flag(sent), Some(if sampled { "1" } else { "0" }), "{name}");
        }
    }
}
