//! Traces that come in with `sentry-trace`: ids, flag, and the DSC.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use tokio::task::JoinSet;

use crate::ids::{PUBLIC_KEY, TRACE_ID};
use crate::service::{Relayed, Service, DSN};
use crate::upstream::Upstream;

const PARENT: &str = "7f7b6d4f9fd94d2a";

/// Percent-encoded differently than by this crate, and with an unknown key.
const DSC: &str = "sentry-release=shop%402.1.0+b%2c%c3%a9%3B,\
    sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-x-y==z%20,\
    sentry-public_key=headpublickey0000000000000000000,sentry-sample_rand=0.250000";

fn sentry_trace(flag: &str) -> String {
    format!("{TRACE_ID}-{PARENT}{flag}")
}

/// Calls the upstream with that flag and baggage; the ids must chain, whatever the decision.
async fn relayed(service: &Service, upstream: &Upstream, flag: &str, baggage: &str) -> Relayed {
    let sentry_trace = sentry_trace(flag);
    let headers = [("sentry-trace", &*sentry_trace), ("baggage", baggage)];
    let relayed = service.relay(&upstream.echo(), &headers).await;
    assert_continues(&relayed, TRACE_ID);
    relayed
}

#[track_caller]
fn assert_continues(relayed: &Relayed, trace_id: &str) {
    assert_eq!(relayed.trace_id, trace_id);
    assert_eq!(relayed.parent_span_id.as_deref(), Some(PARENT));
    let sent = relayed.upstream.sentry_trace();
    assert_eq!(sent.trace_id().to_string(), trace_id);
    assert_eq!(sent.span_id().to_string(), relayed.client_span_id);
    let ids = HashSet::from([PARENT, &*relayed.span_id, &*relayed.client_span_id]);
    assert_eq!(ids.len(), 3, "each span has its own id: {ids:?}");
}

#[tokio::test]
async fn the_decision_of_a_decided_trace_is_kept_whatever_the_rate() {
    let upstream = Upstream::start().await;
    for rate in ["0", "1"] {
        let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", rate)]);
        for (flag, sampled, head_rate) in [("-1", true, "0.5"), ("-0", false, "0.1")] {
            let dsc = format!("{DSC},sentry-sample_rate={head_rate},sentry-sampled={sampled}");
            let relayed = relayed(&service, &upstream, flag, &dsc).await;
            assert_eq!(relayed.sampled, sampled, "rate {rate}, flag {flag}");
            assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(sampled));
            assert_eq!(relayed.upstream.header("baggage"), Some(&*dsc));
        }
    }
}

#[tokio::test]
async fn without_tracing_flag_and_dsc_are_forwarded_as_they_came() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_DSN", DSN)]);
    for (flag, sampled) in [("-1", Some(true)), ("-0", Some(false)), ("", None)] {
        let relayed = relayed(&service, &upstream, flag, DSC).await;
        assert_eq!(relayed.upstream.sentry_trace().sampled(), sampled);
        assert_eq!(relayed.upstream.header("baggage"), Some(DSC));
    }
}

#[tokio::test]
async fn a_deferred_trace_is_decided_by_the_rate() {
    let upstream = Upstream::start().await;
    for (rate, sampled) in [("0", false), ("1", true)] {
        let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", rate)]);
        let relayed = relayed(&service, &upstream, "", DSC).await;
        assert_eq!(relayed.sampled, sampled);
        assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(sampled));

        let mut expected = members(DSC);
        let sampled = sampled.to_string();
        expected.extend([("sentry-sample_rate", rate), ("sentry-sampled", &sampled)]);
        let mut sent = members(relayed.upstream.header("baggage").expect("a DSC was sent"));
        expected.sort_unstable();
        sent.sort_unstable();
        assert_eq!(sent, expected);
    }
}

fn members(baggage: &str) -> Vec<(&str, &str)> {
    baggage.split(',').map(|member| member.split_once('=').expect("a member has a `=`")).collect()
}

#[tokio::test]
async fn a_trace_without_a_dsc_gets_none() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", "1")]);
    let relayed = relayed(&service, &upstream, "-1", "vendor=1").await;
    let sent = relayed.upstream.header("baggage").unwrap_or_default();
    assert!(!sent.contains("sentry-"), "{sent}");
}

#[tokio::test]
async fn repeated_headers_are_one() {
    let upstream = Upstream::start().await;
    let service = Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", "1")]);
    let (first, rest) = DSC.split_once(',').expect("the DSC has several members");
    let headers = [
        ("sentry-trace", "not-a-trace"),
        ("sentry-trace", &*sentry_trace("-0")),
        ("baggage", first),
        ("baggage", ""),
        ("baggage", rest),
    ];
    let relayed = service.relay(&upstream.echo(), &headers).await;
    assert_continues(&relayed, TRACE_ID);
    assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(false));
    assert_eq!(relayed.upstream.header("baggage"), Some(DSC));
}

#[derive(Deserialize)]
struct StrictRow {
    baggage_org_id: Option<String>,
    own_org_id: Option<String>,
    strict_trace_continuation: bool,
    #[serde(rename = "continue")]
    continues: bool,
}

#[tokio::test]
async fn strict_continuation_follows_the_table() {
    let rows: Vec<StrictRow> =
        serde_json::from_str(include_str!("../vectors/strict_continuation.json"))
            .expect("the table is valid");
    assert_eq!(rows.len(), 10);
    let upstream = Upstream::start().await;
    for (index, row) in rows.iter().enumerate() {
        let strict = row.strict_trace_continuation.to_string();
        let mut settings = vec![
            ("SENTRY_DSN", DSN),
            ("SENTRY_TRACES_SAMPLE_RATE", "1"),
            ("SENTRY_STRICT_TRACE_CONTINUATION", &*strict),
        ];
        settings.extend(row.own_org_id.as_deref().map(|id| ("SENTRY_ORG_ID", id)));
        let service = Service::start(&settings);

        let mut dsc = DSC.to_owned();
        if let Some(id) = &row.baggage_org_id {
            dsc.push_str(&format!(",sentry-org_id={id}"));
        }
        // A trace that is not continued must not pass on its decision either.
        let headers = [("sentry-trace", &*sentry_trace("-0")), ("baggage", &*dsc)];
        let relayed = service.relay(&upstream.echo(), &headers).await;

        if row.continues {
            assert_continues(&relayed, TRACE_ID);
            assert_eq!(relayed.upstream.header("baggage"), Some(&*dsc), "row {index}");
        } else {
            assert_ne!(relayed.trace_id, TRACE_ID, "row {index}");
            assert_eq!(relayed.parent_span_id, None, "row {index}");
            let sent = relayed.upstream.sentry_trace();
            assert_eq!(sent.trace_id().to_string(), relayed.trace_id, "row {index}");
            assert_eq!(sent.span_id().to_string(), relayed.client_span_id);
            assert_eq!(sent.sampled(), Some(true), "row {index}");
            let baggage = relayed.upstream.baggage();
            assert_eq!(baggage["sentry-trace_id"], relayed.trace_id, "row {index}");
            assert_eq!(baggage["sentry-public_key"], PUBLIC_KEY, "row {index}");
            assert_eq!(
                baggage.get("sentry-org_id").copied(),
                row.own_org_id.as_deref(),
                "row {index}"
            );
        }
    }
}

#[tokio::test]
async fn concurrent_traces_do_not_mix() {
    const REQUESTS: usize = 50;
    let upstream = Upstream::start().await;
    let service =
        Arc::new(Service::start(&[("SENTRY_DSN", DSN), ("SENTRY_TRACES_SAMPLE_RATE", "1")]));
    let mut requests = JoinSet::new();
    for number in 1..=REQUESTS {
        let path = format!("/gather/{REQUESTS}?number={number}");
        let to = upstream.url(&path);
        let service = Arc::clone(&service);
        requests.spawn(async move {
            let trace_id = format!("{number:032x}");
            let sampled = number % 2 == 0;
            let sentry_trace = format!("{trace_id}-{PARENT}-{}", u8::from(sampled));
            let dsc = format!(
                "sentry-trace_id={trace_id},sentry-release=shop%40{number},\
                sentry-sample_rand=0.500000"
            );
            let headers = [("sentry-trace", &*sentry_trace), ("baggage", &*dsc)];
            let relayed = service.relay(&to, &headers).await;

            assert_continues(&relayed, &trace_id);
            assert_eq!(relayed.sampled, sampled);
            assert_eq!(relayed.upstream.sentry_trace().sampled(), Some(sampled));
            assert_eq!(relayed.upstream.header("baggage"), Some(&*dsc));
            assert_eq!(relayed.upstream.path_and_query, path);
            [relayed.span_id, relayed.client_span_id]
        });
    }
    let span_ids = requests.join_all().await;
    let distinct: HashSet<_> = span_ids.iter().flatten().collect();
    assert_eq!(distinct.len(), 2 * REQUESTS);
}
