//! A trace that no Sentry service has seen yet: it arrives with only `traceparent`.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{
    dsc, flag, headers, inject, remote, Headers, DSN, OTHER_TRACE_ID, PUBLIC_KEY, SPAN_ID, TRACE_ID,
};

/// Strict and with a rate. Neither matters here.
fn strict() -> SentryBuilder {
    Sentry::builder().dsn(DSN).strict_trace_continuation(true).traces_sample_rate(0.75)
}

fn after_w3c(sentry: &Sentry) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(sentry.propagator()),
    ])
}

fn traceparent(trace_id: &str, flags: &str) -> String {
    format!("00-{trace_id}-{SPAN_ID}-{flags}")
}

struct Row {
    name: &'static str,
    flags: &'static str,
    tracestate: &'static str,
    flag: &'static str,
    sample_rate: Option<&'static str>,
}

const fn row(
    name: &'static str,
    [flags, tracestate, flag]: [&'static str; 3],
    sample_rate: Option<&'static str>,
) -> Row {
    Row { name, flags, tracestate, flag, sample_rate }
}

/// The usual trace id's randomness is 0x36d5159a501700; a `th` up to this value holds.
const ROWS: [Row; 11] = [
    row("sampled", ["01", "", "1"], None),
    row("not sampled", ["00", "", "0"], None),
    row("other flags", ["03", "vendor=1", "1"], None),
    row("th", ["01", "ot=th:2", "1"], Some("0.875")),
    row("th 0", ["01", "vendor=1,ot=th:0", "1"], Some("1")),
    row("th in all its digits", ["01", "ot=th:36d5159a501700", "1"], Some("0.7858110903033868")),
    row("th that does not hold", ["01", "ot=th:8", "1"], None),
    row("th just above", ["01", "ot=th:36d5159a501701", "1"], None),
    row("th and rv", ["01", "ot=rv:c0000000000000;th:8", "1"], Some("0.5")),
    row("th that rv does not hold", ["01", "ot=th:2;rv:10000000000000", "1"], None),
    row("th where nothing is sampled", ["00", "ot=th:2", "0"], None),
];

/// Our own DSC has what flag and `ot` imply, without the members that only a head knows.
#[track_caller]
fn assert_own_dsc(row: &Row, sent: &Headers) {
    let name = row.name;
    assert_eq!(flag(sent), Some(row.flag), "{name}");
    let rand = dsc(sent).into_iter().find(|(key, _)| *key == "sample_rand").map(|(_, value)| value);
    let rand = rand.unwrap_or_else(|| panic!("{name}: {sent:?}"));
    let sampled = if row.flag == "1" { "true" } else { "false" };
    let mut expected = vec![("trace_id", TRACE_ID), ("public_key", PUBLIC_KEY)];
    expected.extend(row.sample_rate.map(|rate| ("sample_rate", rate)));
    expected.extend([("sample_rand", rand), ("sampled", sampled)]);
    expected.extend([("environment", "production"), ("org_id", "1")]);
    assert_eq!(dsc(sent), expected, "{name}");
    assert!(rand.len() == 8 && rand.starts_with("0."), "{name}: {rand}");
    if let Some(rate) = row.sample_rate {
        assert!(rand.parse::<f64>().unwrap() < rate.parse().unwrap(), "{name}: {rand} < {rate}");
    }
}

#[test]
fn the_first_sentry_service_sends_its_own_dsc() {
    let sentry = strict().build().unwrap();
    for row in &ROWS {
        let parent = traceparent(TRACE_ID, row.flags);
        let mut incoming = headers([("traceparent", &*parent), ("tracestate", row.tracestate)]);
        for sentry_trace in [None, Some("nonsense"), Some("0-0-1")] {
            let sentry_trace = sentry_trace.map(|text| ("sentry-trace".into(), text.into()));
            incoming.extend(sentry_trace);
            let cx = after_w3c(&sentry).extract(&incoming);
            let sent = inject(&sentry.propagator(), &cx);
            assert!(sent["sentry-trace"].starts_with(&format!("{TRACE_ID}-{SPAN_ID}-")));
            assert_own_dsc(row, &sent);
        }
        // A remote parent made by hand has the same effect.
        let cx = Context::new().with_remote_span_context(remote(row.flags != "00", row.tracestate));
        assert_own_dsc(row, &inject(&sentry.propagator(), &cx));
        // So has one that passes through our extract without a header.
        let cx = sentry.propagator().extract_with_context(&cx, &Headers::new());
        assert_own_dsc(row, &inject(&sentry.propagator(), &cx));
    }
}

/// Also below a span of this service, under a sampler that follows its parent.
#[test]
fn spans_of_the_first_sentry_service_send_the_same() {
    let sentry = strict().build().unwrap();
    let services = [
        Service::new(&sentry, Sampler::parent_based(Sampler::AlwaysOn)),
        #[cfg(feature = "sdk")]
        Service::of(&sentry),
        #[cfg(feature = "sdk")]
        Service::of(&Sentry::builder().dsn(DSN).build().unwrap()),
    ];
    for (service, records) in services.into_iter().zip([true, true, false]) {
        for row in &ROWS {
            let parent = traceparent(TRACE_ID, row.flags);
            let incoming = headers([("traceparent", &*parent), ("tracestate", row.tracestate)]);
            let parent = after_w3c(&sentry).extract(&incoming);
            let server = service.server(&parent, "checkout");
            let recorded = row.flag == "1" && records;
            assert_eq!(server.span().is_recording(), recorded, "{}", row.name);
            for cx in [server.clone(), service.client(&server)] {
                assert_own_dsc(row, &service.send(&cx));
            }
        }
    }
}

/// A W3C-only hop drops `sentry-trace`. The DSC names the trace.
#[test]
fn a_dsc_that_names_the_trace_is_adopted() {
    let known = Sentry::builder().dsn(DSN);
    let strict = strict();
    let named = format!("sentry-trace_id={TRACE_ID},sentry-sample_rand=0.1,sentry-release=theirs");
    let upper = named.replace(TRACE_ID, &TRACE_ID.to_uppercase());
    let other = named.replace(TRACE_ID, OTHER_TRACE_ID);
    let unnamed = "sentry-sample_rand=0.1,sentry-release=theirs".to_owned();
    let org = |id| format!("{named},sentry-org_id={id}");
    #[derive(Clone, Copy, PartialEq)]
    enum Is {
        Adopted,
        Ignored,
        Refused,
    }
    let rows = [
        ("named", &known, named.clone(), Is::Adopted),
        ("named in upper case", &known, upper, Is::Adopted),
        ("of another trace", &known, other.clone(), Is::Ignored),
        ("of another trace, strict", &strict, other, Is::Ignored),
        ("not named", &known, unnamed, Is::Ignored),
        ("our organization", &known, org("1"), Is::Adopted),
        ("another organization", &known, org("2"), Is::Refused),
        ("our organization, strict", &strict, org("1"), Is::Adopted),
        ("an unknown organization, strict", &strict, named.clone(), Is::Refused),
        ("an empty organization, strict", &strict, org(""), Is::Refused),
    ];
    for (name, builder, list, is) in rows {
        for flags in ["01", "00"] {
            let sentry = (*builder).clone().build().unwrap();
            let parent = traceparent(TRACE_ID, flags);
            let incoming = headers([("traceparent", &*parent), ("baggage", &*list)]);
            let cx = after_w3c(&sentry).extract(&incoming);
            assert_eq!(cx.has_active_span(), is != Is::Refused, "{name}");
            let sent = inject(&sentry.propagator(), &cx);
            if is == Is::Refused {
                assert!(sent.is_empty(), "{name}");
                continue;
            }
            // Without `sampled` in the DSC, 00 leaves the decision open.
            let is_undecided = is == Is::Adopted && flags == "00" && !list.contains("sampled=");
            assert_eq!(flag(&sent), (!is_undecided).then_some(&flags[1..]), "{name}");
            assert_eq!(sent["baggage"] == list, is == Is::Adopted, "{name}: {sent:?}");
            if is == Is::Ignored {
                assert_own_dsc(
                    &row("ignored", [flags, "", &flags[1..]], None),
                    &inject(&sentry.propagator(), &cx),
                );
            }
        }
    }
}
