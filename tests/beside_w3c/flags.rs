//! `traceparent` has the flag `01` exactly when `sentry-trace` has `-1`: in `wrap` and with the
//! option.

use opentelemetry::Context;
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::lists::{w3c, Composition};
use crate::own::Faults;
use crate::service::{
    extract, headers, inject, sentry_trace, traceparent, wraps, Headers, Under, DSN, OTHER_TRACE,
    SPAN, TRACE,
};

fn settings() -> Vec<(&'static str, Sentry)> {
    let dsn = || Sentry::builder().dsn(DSN);
    let build =
        |(name, builder): (&'static str, SentryBuilder)| (name, builder.build().expect("settings"));
    [
        ("bare", Sentry::builder()),
        ("no rate", dsn()),
        ("rate 1", dsn().traces_sample_rate(1.0)),
        ("rate 0", dsn().traces_sample_rate(0.0)),
        ("rate 0.5", dsn().traces_sample_rate(0.5)),
        ("inherits", dsn().traces_sampler(|ctx| ctx.inherit_or_sample_with(0.5))),
        ("overrides, 0", dsn().traces_sampler(|_| 0.0)),
        ("overrides, 1", dsn().traces_sampler(|_| 1.0)),
        ("prefers", dsn().prefer_traceparent(true)),
        ("writes both", dsn().propagate_traceparent(true)),
        ("strict", dsn().strict_trace_continuation(true)),
    ]
    .map(build)
    .into()
}

fn requests() -> Vec<(String, Headers)> {
    let mut requests = Vec::new();
    let other = format!("{OTHER_TRACE}-{SPAN}-1");
    let named = |more: &str| format!("sentry-trace_id={TRACE}{more}");
    for trace in [None, Some(sentry_trace("-1")), Some(sentry_trace("-0")), Some(sentry_trace(""))]
        .into_iter()
        .chain([Some(other), Some("nonsense".to_owned())])
    {
        for parent in [None, Some(traceparent("01")), Some(traceparent("00"))] {
            for list in [
                None,
                Some("sentry-sample_rand=0.5".to_owned()),
                Some(named("")),
                Some(named(",sentry-sampled=true,sentry-sample_rate=1,sentry-sample_rand=0.5")),
                Some(named(",sentry-sampled=false,sentry-sample_rate=0.25,sentry-sample_rand=0.5")),
                Some(named(",sentry-org_id=7")),
            ] {
                for state in [None, Some("ot=th:0,a=1")] {
                    let pairs = [
                        ("sentry-trace", trace.as_deref()),
                        ("traceparent", parent.as_deref()),
                        ("baggage", list.as_deref()),
                        ("tracestate", state.filter(|_| parent.is_some())),
                    ];
                    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
                    let request = headers(pairs);
                    requests.push((format!("{request:?}"), request));
                }
            }
        }
    }
    requests
}

/// Describes how the two headers of one request disagree.
fn disagree(sent: &Headers) -> Option<String> {
    let (trace, parent) = (sent.get("sentry-trace")?, sent.get("traceparent")?);
    let ids: Vec<&str> = trace.split('-').collect();
    let sampled = if ids.get(2) == Some(&"1") { "01" } else { "00" };
    let expected = format!("00-{}-{}-{sampled}", ids[0], ids[1]);
    (*parent != expected).then(|| format!("{trace} beside {parent}"))
}

#[test]
fn wrap_writes_equal_flags() {
    let mut faults = Faults::default();
    let (mut seen, requests) = (0, requests());
    for (setting, sentry) in settings() {
        let compositions =
            wraps(&sentry).into_iter().filter(|(name, _)| *name == "wrap([W3C, Baggage])");
        for (composition, propagator) in compositions {
            for (request, incoming) in &requests {
                let parent = extract(&*propagator, incoming);
                // Another party's sampler doesn't use our rate.
                let all = matches!(setting, "no rate" | "rate 0.5");
                for under in if all { &Under::ALL[..] } else { &Under::ALL[..2] } {
                    for cx in under.below(&sentry, &parent) {
                        let sent = inject(&*propagator, &cx);
                        seen += usize::from(sent.len() > 1);
                        let name = || format!("{composition}, {setting}, {under:?}, {request}");
                        faults.note(name, disagree(&sent));
                    }
                }
            }
        }
    }
    assert!(seen > 2_000, "{seen}");
    faults.none();
}

/// With the option, without W3C's propagator.
#[test]
fn the_option_writes_equal_flags() {
    let mut faults = Faults::default();
    let sentry = Sentry::builder().dsn(DSN).propagate_traceparent(true).build().expect("settings");
    let alone = sentry.propagator();
    for (request, incoming) in requests() {
        let parent = extract(&alone, &incoming);
        for under in Under::ALL {
            for cx in under.below(&sentry, &parent) {
                let sent = inject(&alone, &cx);
                assert_eq!(sent.contains_key("traceparent"), sent.contains_key("sentry-trace"));
                faults.note(|| format!("{under:?}, {request}"), disagree(&sent));
            }
        }
    }
    faults.none();
}

/// For heads too.
#[test]
fn a_head_writes_equal_flags() {
    let mut faults = Faults::default();
    for (setting, sentry) in settings() {
        for (composition, propagator) in wraps(&sentry) {
            for under in &Under::ALL[1..] {
                for cx in under.below(&sentry, &Context::new()) {
                    let sent = inject(&*propagator, &cx);
                    faults.note(|| format!("{composition}, {setting}, {under:?}"), disagree(&sent));
                }
            }
        }
    }
    faults.none();
}

/// A hop that forwards only W3C's headers between a service without a rate and a Sentry service
/// must not cut a sampled trace.
#[test]
fn a_sampled_trace_survives_a_hop_that_forgets_sentry_trace() {
    let forwards = Sentry::builder().build().expect("settings");
    for (composition, propagator) in wraps(&forwards) {
        if !composition.contains("W3C") {
            continue;
        }
        for flag in ["-1", "-0", ""] {
            let incoming = headers([
                ("sentry-trace", &*sentry_trace(flag)),
                ("baggage", "sentry-release=theirs,sentry-sample_rand=0.5"),
            ]);
            for under in [Under::NoTracer, Under::Ours] {
                for cx in under.below(&forwards, &extract(&*propagator, &incoming)) {
                    let mut sent = inject(&*propagator, &cx);
                    let name = format!("{composition}, {flag}, {under:?}: {sent:?}");
                    let flags = if flag == "-1" { "-01" } else { "-00" };
                    assert!(sent["sentry-trace"].ends_with(flag), "{name}");
                    assert!(sent["traceparent"].ends_with(flags), "{name}");
                    sent.remove("sentry-trace");
                    let next = extract(&*w3c(), &sent);
                    let is_sampled = crate::service::span_context(&next).is_sampled();
                    assert_eq!(is_sampled, flag == "-1", "{name}");
                }
            }
        }
    }
}

/// A DSC is adopted by its trace id. If it has no `sampled`, `00` doesn't decide the trace.
#[test]
fn a_dsc_without_sampled_beside_00_leaves_the_trace_undecided() {
    let mut faults = Faults::default();
    let sampled = ",sentry-sampled=true";
    let dropped = ",sentry-sampled=false";
    for (list, flags, flag) in [
        ("", "00", ""),
        (",sentry-release=1", "00", ""),
        (",sentry-release=1,sentry-sample_rand=0.5,sentry-public_key=k", "00", ""),
        ("", "01", "-1"),
        (",sentry-release=1", "01", "-1"),
        (sampled, "01", "-1"),
        (dropped, "00", "-0"),
        (sampled, "00", "-0"),
        (",sentry-sampled=maybe", "00", ""),
    ] {
        // If `traceparent` is preferred, another trace in `sentry-trace` changes nothing.
        let other = format!("{OTHER_TRACE}-{SPAN}-1");
        let settings = [
            (Sentry::builder(), None),
            (Sentry::builder().dsn(DSN), None),
            (Sentry::builder().prefer_traceparent(true), Some(&*other)),
        ];
        for (sentry, sentry_trace) in settings {
            let sentry = sentry.build().expect("settings");
            for composition in [
                Composition::WrapW3c,
                Composition::WrapW3cBaggage,
                Composition::WrapBaggageW3c,
                Composition::W3cSentry,
                Composition::W3cBaggageSentry,
                Composition::BaggageW3cSentry,
            ] {
                let propagator = composition.propagator(&sentry);
                let list = format!("tenant=7,sentry-trace_id={TRACE}{list}");
                let parent = traceparent(flags);
                let pairs = [("traceparent", &*parent), ("baggage", &*list)];
                let sentry_trace = sentry_trace.map(|value| ("sentry-trace", value));
                let incoming = headers(pairs.into_iter().chain(sentry_trace));
                // None of our samplers decides it. Without a rate it stays undecided.
                for under in [Under::NoTracer, Under::Ours] {
                    for cx in under.below(&sentry, &extract(&*propagator, &incoming)) {
                        let sent = inject(&*propagator, &cx);
                        let span_id = crate::service::span_context(&cx).span_id();
                        let expected = format!("{TRACE}-{span_id}{flag}");
                        let differs = sent.get("sentry-trace") != Some(&expected);
                        let name = || format!("{}, {under:?}, {list}, {flags}", composition.name());
                        let fault =
                            || format!("{:?}, expected {expected}", sent.get("sentry-trace"));
                        faults.note(name, differs.then(fault));
                    }
                }
            }
        }
    }
    faults.none();
}

/// One of our services with a rate decides an undecided trace.
#[test]
fn a_rate_decides_an_undecided_trace() {
    for (rate, flag) in [(1.0, "-1"), (0.0, "-0")] {
        let sentry = Sentry::builder().dsn(DSN).traces_sample_rate(rate).build().expect("settings");
        let propagator = Composition::WrapW3cBaggage.propagator(&sentry);
        let list = format!("sentry-trace_id={TRACE},sentry-release=1");
        let incoming = headers([("traceparent", &*traceparent("00")), ("baggage", &*list)]);
        for cx in Under::Ours.below(&sentry, &extract(&*propagator, &incoming)) {
            let sent = inject(&*propagator, &cx);
            assert!(sent["sentry-trace"].ends_with(flag), "{sent:?}");
            let sampled = format!("sentry-sampled={}", rate == 1.0);
            assert!(sent["baggage"].contains(&sampled), "{sent:?}");
        }
    }
}
