//! DSCs that do not fit into one `tracestate` member, or not beside other parties' members.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceState};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{Sentry, SentryPropagator};

use super::w3c::assert_valid;
use crate::common::service::Service;
use crate::common::{
    dsc, headers, inject, remote, sentry_trace, span_context, tracestate_keys, Headers, DSN,
    PUBLIC_KEY, SPAN_ID, TRACE_ID,
};

fn incoming(list: &str) -> Headers {
    headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", list)])
}

fn ours(span_context: &opentelemetry::trace::SpanContext) -> Vec<String> {
    let mut keys = tracestate_keys(span_context);
    keys.retain(|key| key.starts_with("sentry"));
    keys
}

/// A DSC over several members is kept whole, also below spans and on another thread.
#[test]
fn a_long_dsc_takes_several_members() {
    let rows = [
        ("a usual one", "r".repeat(40), 0, 1),
        ("the longest with a short length", "r".repeat(62), 0, 1),
        ("the shortest with a long length", "r".repeat(63), 0, 1),
        ("a length with a zero in it", "r".repeat(64), 0, 1),
        ("a long release", "r".repeat(250), 0, 2),
        ("just over two", "r".repeat(510), 0, 3),
        ("almost all of it", "r".repeat(900), 0, 4),
        ("unknown keys", "r".repeat(40), 40, 2),
        ("a long release, unknown keys", "r".repeat(300), 40, 3),
        ("64 members of one byte", String::new(), 62, 2),
    ];
    let service = Service::of(&Sentry::builder().dsn(DSN).build().unwrap());
    for (name, release, unknown, members) in rows {
        let unknown = (0..unknown).map(|n| format!(",sentry-k{n}=v")).collect::<String>();
        let list = format!("sentry-sample_rand=0.785811,sentry-release={release}{unknown}");
        let remote = service.receive(&incoming(&list));
        let expected = ["sentry", "sentry-2", "sentry-3", "sentry-4"];
        assert_eq!(ours(&span_context(&remote)), expected[..members], "{name}");
        let server = service.server(&remote, "serve");
        for cx in [remote, server.clone(), service.client(&server)] {
            let kept = span_context(&cx);
            assert_valid(&kept);
            assert_eq!(service.send(&cx)["baggage"], list, "{name}");
            let alone = std::thread::spawn(move || {
                let cx = Context::new().with_remote_span_context(kept);
                inject(&SentryPropagator::new(), &cx)
            });
            assert_eq!(alone.join().unwrap()["baggage"], list, "{name}");
        }
    }
}

/// Each further member costs every span below it nine allocations.
#[test]
fn a_realistic_dsc_with_long_names_takes_one_member() {
    let (release, transaction) = ("r".repeat(60), "t".repeat(80));
    let list = format!(
        "sentry-environment=production,sentry-release={release},sentry-public_key={PUBLIC_KEY},\
         sentry-trace_id={TRACE_ID},sentry-sampled=true,sentry-sample_rand=0.6851552540613344,\
         sentry-sample_rate=0.25,sentry-transaction={transaction},\
         sentry-replay_id=0123456789abcdef0123456789abcdef,sentry-org_id=42"
    );
    let service = Service::of(&Sentry::builder().build().unwrap());
    let remote = service.receive(&incoming(&list));
    assert_eq!(ours(&span_context(&remote)), ["sentry"]);
    assert_eq!(service.send(&remote)["baggage"], list);
}

/// Every byte that a DSC value may have, in every form, is sent as it arrived.
#[test]
fn every_byte_of_a_value() {
    let octets: String =
        (0x21..=0x7e_u8).map(char::from).filter(|c| !"\",;\\".contains(*c)).collect();
    let token = "!#$%&'*+-.^_`|~09azAZ";
    let hex = PUBLIC_KEY;
    for key in [
        "trace_idx",
        "public_key",
        "sample_rate",
        "sample_rand",
        "sampled",
        "release",
        "environment",
        "transaction",
        "replay_id",
        "org_id",
        "u",
        "",
        token,
        "a-b",
        "T",
        "\\",
    ] {
        for value in [
            &*octets,
            "",
            "=",
            "==",
            "0.",
            "true",
            "false",
            "production",
            "0.5",
            hex,
            &hex.to_uppercase(),
            TRACE_ID,
            "T",
            ".",
            "%",
            "%2",
            "%zz",
            "%00",
            "1e-3",
        ] {
            let list = format!("sentry-sample_rand=0.785811,sentry-{key}={value}");
            let cx = SentryPropagator::new().extract(&incoming(&list));
            assert_valid(&span_context(&cx));
            let sent = inject(&SentryPropagator::new(), &cx);
            let members = dsc(&sent);
            match key {
                // No keys, and the two keys that a service adds.
                "" | "\\" => assert_eq!(members.len(), 1, "{key}={value}"),
                "sample_rand" => assert_eq!(members.len(), 1, "{key}={value}"),
                _ => assert_eq!(sent["baggage"], list, "{key}={value}"),
            }
        }
    }
}

/// To fit into 1 KiB, whole entries are dropped: unknown ones from the last, then the least
/// important.
#[test]
fn order_of_dropped_entries() {
    let keys = ["release", "b", "environment", "replay_id", "a", "transaction"];
    let last_first = ["a", "b", "transaction", "replay_id", "environment", "release"];
    let value = "v".repeat(100);
    let service = Service::of(&Sentry::builder().build().unwrap());
    // The required entries grow by the size of one entry in each row.
    for (dropped, must_stay) in [300, 420, 520, 620, 720, 820, 920].into_iter().enumerate() {
        let stays = format!("sentry-sample_rand=0.785811,sentry-org_id={}", "1".repeat(must_stay));
        let all = keys.map(|key| (key, format!("sentry-{key}={value}")));
        let list = all.clone().map(|(_, member)| member).join(",");
        let cx = service.server(&service.receive(&incoming(&format!("{stays},{list}"))), "serve");
        assert_valid(&span_context(&cx));
        let gone = &last_first[..dropped];
        let kept = all.iter().filter(|(key, _)| !gone.contains(key));
        let expected = kept.fold(stays, |list, (_, member)| list + "," + member);
        assert_eq!(service.send(&cx)["baggage"], expected, "{must_stay}");
    }
    // If that is not enough, all entries are dropped for good: an empty frozen DSC.
    let list = format!("sentry-sample_rand=0.785811,sentry-org_id={}", "1".repeat(1100));
    let service = Service::of(&Sentry::builder().dsn(DSN).org_id("1".repeat(20)).build().unwrap());
    let relay = Service::of(&Sentry::builder().build().unwrap());
    let remote = relay.receive(&incoming(&list));
    let mut undecided = incoming(&list);
    undecided.insert("sentry-trace".to_owned(), sentry_trace(""));
    let rated = Service::of(&Sentry::builder().traces_sample_rate(1.0).build().unwrap());
    for cx in [
        remote.clone(),
        relay.server(&remote, "serve"),
        service.server(&remote, "serve"),
        rated.server(&rated.receive(&undecided), "serve"),
    ] {
        let sent = service.send(&cx);
        assert_eq!(sent.len(), 1, "sentry-trace alone: {sent:?}");
    }
}

/// The added `sample_rand` needs room too: 10 bytes.
#[test]
fn room_for_the_sample_rand() {
    // 3 bytes of status, and 2 before each of the two values.
    for (org_id_bytes, whole) in [(900, true), (907, true), (908, false), (917, false)] {
        let stays = format!("sentry-org_id={}", "1".repeat(org_id_bytes));
        let release = format!(",sentry-release={}", "r".repeat(100));
        let cx = SentryPropagator::new().extract(&incoming(&format!("{stays}{release}")));
        assert_valid(&span_context(&cx));
        let sent = inject(&SentryPropagator::new(), &cx);
        let release = if whole { &*release } else { "" };
        let expected = format!("{stays}{release},sentry-sample_rand=0.785811");
        assert_eq!(sent["baggage"], expected, "{org_id_bytes}");
    }
}

/// A head's transaction is dropped too. The rest comes from the settings.
#[test]
fn a_heads_long_name() {
    let sentry = Sentry::builder().dsn(DSN).traces_sample_rate(1.0).build().unwrap();
    let service = Service::of(&sentry);
    for (length, sent_length) in [(900, Some(900)), (1100, None), (100_000, None)] {
        let root = service.server(&Context::new(), &"n".repeat(length));
        assert_valid(&span_context(&root));
        let sent = service.send(&root);
        let name = dsc(&sent).into_iter().find(|(key, _)| *key == "transaction");
        assert_eq!(name.map(|(_, name)| name.len()), sent_length);
        assert!(sent["baggage"].contains("sentry-sample_rate=1,"));
    }
}

/// Ours come first. Only `sentry` may displace another party's last member.
#[test]
fn beside_other_members() {
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(SentryPropagator::new()),
    ]);
    let long = format!("sentry-sample_rand=0.785811,sentry-release={}", "r".repeat(900));
    let short = "sentry-sample_rand=0.785811,sentry-release=r";
    for (foreign, baggage, members) in [
        (0, &*long, 4),
        (28, &*long, 4),
        (29, &*long, 1),
        (31, &*long, 1),
        (31, short, 1),
        (32, short, 1),
        (32, &*long, 1),
    ] {
        let names: Vec<String> = (0..foreign).map(|n| format!("k{n}")).collect();
        let state = names.iter().map(|name| format!("{name}=v")).collect::<Vec<_>>().join(",");
        let mut incoming = incoming(baggage);
        let traceparent = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        incoming.extend(headers([("traceparent", &*traceparent), ("tracestate", &*state)]));
        let cx = list.extract(&incoming);
        let kept = span_context(&cx);
        assert_valid(&kept);
        let keys = tracestate_keys(&kept);
        assert_eq!(ours(&kept).len(), members, "{foreign}");
        let room = names.len().min(32 - members);
        assert_eq!(keys[members..], names[..room], "{foreign}");
        let sent = inject(&SentryPropagator::new(), &cx);
        assert!(sent["baggage"].starts_with("sentry-sample_rand=0.785811"), "{foreign}");
        let whole = baggage.len() < 256 || members == 4;
        assert_eq!(
            sent["baggage"] == baggage,
            whole,
            "{foreign}: a release is sent whole or not at all"
        );
    }
}

/// `ot` counts if it is written, and not if no field of it is left.
#[test]
fn beside_other_members_and_ot() {
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(SentryPropagator::new()),
    ]);
    let rate = "sentry-sample_rand=0.785811,sentry-sample_rate=0.8";
    let long = format!("{rate},sentry-release={}", "r".repeat(300));
    for (foreign, ot, baggage, first) in [
        (31, "", rate, vec!["sentry", "ot"]),
        (31, "ot=th:8,", "sentry-sample_rand=0.785811", vec!["sentry"]),
        (29, "", &long, vec!["sentry", "sentry-2", "ot"]),
        (30, "", &long, vec!["sentry", "ot"]),
    ] {
        let names: Vec<String> = (0..foreign).map(|n| format!("k{n}")).collect();
        let state = names.iter().map(|name| format!("{name}=v")).collect::<Vec<_>>().join(",");
        let mut incoming = incoming(baggage);
        let traceparent = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        let tracestate = format!("{ot}{state}");
        incoming.extend(headers([("traceparent", &*traceparent), ("tracestate", &*tracestate)]));
        let keys = tracestate_keys(&span_context(&list.extract(&incoming)));
        assert_eq!(keys[..first.len()], first, "{foreign}, {ot}");
        assert_eq!(keys[first.len()..], names[..foreign.min(32 - first.len())], "{foreign}, {ot}");
    }
}

/// Members that the SDK accepts in a trace state and W3C does not.
#[test]
fn invalid_members_are_removed() {
    let bad = [
        ("newline", "a\nb"),
        ("empty", ""),
        ("latin", "é"),
        ("tab", "a\tb"),
        ("del", "\u{7f}"),
        ("space", "a "),
        ("good", "1"),
        ("good", "2"),
        ("also-good", " a"),
    ];
    let state = TraceState::from_key_value(bad).unwrap();
    assert_eq!((&state).into_iter().count(), bad.len());
    let found = remote(true, "");
    let found = opentelemetry::trace::SpanContext::new(
        found.trace_id(),
        found.span_id(),
        found.trace_flags(),
        true,
        state,
    );
    let cx = Context::new().with_remote_span_context(found);
    let after =
        SentryPropagator::new().extract_with_context(&cx, &incoming("sentry-sample_rand=0.785811"));
    let after = span_context(&after);
    let members: Vec<_> = assert_valid(&after).into_iter().skip(1).collect();
    assert_eq!(members, [("good", "1"), ("also-good", " a")]);
}
