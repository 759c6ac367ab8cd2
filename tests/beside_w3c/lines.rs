//! Several `tracestate` lines are one list.

use http::{HeaderMap, HeaderValue};
use opentelemetry::propagation::Extractor;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sentry::{MessageExtractor, Sentry};

use crate::lists::Composition;
use crate::own::Faults;
use crate::service::{extract, inject, sentry_trace, span_context, traceparent, Under, DSN, TRACE};
use crate::w3c::{baggage, tracestate};

/// The incoming lines, and the members of the joined list without ours.
const ROWS: [(&[&str], &str); 18] = [
    (&["a=1", "b=2"], "a=1,b=2"),
    (&["a=1", "b=2", "c=3,d=4"], "a=1,b=2,c=3,d=4"),
    (&["a=1", "ot=th:0"], "a=1,ot=th:0"),
    (&["ot=th:0", "a=1"], "ot=th:0,a=1"),
    (&["", "ot=th:0"], "ot=th:0"),
    (&["a=1", "", "ot=th:0"], "a=1,ot=th:0"),
    (&["a=1,", ",ot=th:0,"], "a=1,ot=th:0"),
    (&["a=1", " ", "\tot=th:0 "], "a=1,ot=th:0"),
    (&[" a=1 ", "\tb=x y\t"], "a=1,b=x y"),
    (&["a=1", "a=2", "b=3"], "a=1,b=3"),
    (&["a=1", "ot=rv:80000000000000;th:8"], "a=1,ot=rv:80000000000000;th:8"),
    (&["a=1", "ot=rv:7fffffffffffff;th:8"], "a=1,ot=rv:7fffffffffffff"),
    (&["a=1", "sentry=c..T,b=2"], "a=1,b=2"),
    (&["sentry=c..T", "b=2"], "b=2"),
    (&["a=1", "sentry-2=x", "b=2"], "a=1,b=2"),
    (&["v=", "b=2"], "b=2"),
    (&["a=1", "v="], "a=1"),
    (&["a=1", "=x", "ot=th:0"], "a=1,ot=th:0"),
];

const CLAIMS: [Option<&str>; 4] = [None, Some("-1"), Some("-0"), Some("")];

/// The same lines in each carrier that can hold several lines.
fn carriers(
    lines: &[&str],
    claim: Option<&str>,
    flags: &str,
    mut each: impl FnMut(&str, &dyn Extractor),
) {
    let (parent, claim) = (traceparent(flags), claim.map(sentry_trace));
    let mut all = vec![("traceparent", parent.as_str())];
    all.extend(lines.iter().map(|line| ("tracestate", *line)));
    all.extend(claim.iter().map(|claim| ("sentry-trace", claim.as_str())));
    let mut map = HeaderMap::new();
    for (name, value) in &all {
        map.append(*name, HeaderValue::from_str(value).expect("a value"));
    }
    each("http", &HeaderExtractor(&map));
    let bytes = all.iter().map(|(name, value)| (*name, value.as_bytes()));
    each("message", &MessageExtractor::new(bytes));
}

/// The members in any order, without ours. A continued Sentry trace may gain an `rv` or `th`.
fn others(list: &str, with_ot: bool) -> Vec<String> {
    let members = tracestate(list).unwrap_or_else(|fault| vec![(fault, list.to_owned())]);
    let mut members: Vec<String> = members
        .into_iter()
        .filter(|(key, _)| !key.starts_with("sentry") && (with_ot || key != "ot"))
        .map(|(key, value)| {
            let mut fields: Vec<&str> = value.split(';').collect();
            fields.sort_unstable();
            format!("{key}={}", fields.join(";"))
        })
        .collect();
    members.sort();
    members
}

fn sentry() -> Sentry {
    Sentry::builder().dsn(DSN).build().expect("settings")
}

#[test]
fn wrap_reads_every_line() {
    let mut faults = Faults::default();
    for composition in
        [Composition::WrapW3c, Composition::WrapW3cBaggage, Composition::WrapBaggageW3c]
    {
        let propagator = composition.propagator(&sentry());
        for (lines, expected) in ROWS {
            for claim in CLAIMS {
                carriers(lines, claim, "01", |carrier, extractor| {
                    let cx = extract(&*propagator, extractor);
                    let state = span_context(&cx).trace_state().header();
                    let sent = inject(&*propagator, &cx);
                    let name =
                        || format!("{}, {carrier}, {claim:?}, {lines:?}", composition.name());
                    let with_ot = claim != Some("-0");
                    let expected = others(expected, with_ot);
                    for list in [&*state, sent.get("tracestate").map_or("", String::as_str)] {
                        let found = others(list, with_ot);
                        let differs = found != expected;
                        faults.note(
                            name,
                            differs.then(|| format!("{found:?}, expected {expected:?}")),
                        );
                    }
                });
            }
        }
    }
    faults.none();
}

/// So the rate of a `th` on any line is used.
#[test]
fn the_rate_on_a_second_line_is_known() {
    let mut faults = Faults::default();
    for composition in
        [Composition::WrapW3c, Composition::WrapW3cBaggage, Composition::WrapBaggageW3c]
    {
        let propagator = composition.propagator(&sentry());
        for (lines, rate) in [
            (&["a=1", "ot=th:0"][..], "1"),
            (&["", "ot=th:0"], "1"),
            (&["a=1", "b=2", "ot=th:8;rv:80000000000000"], "0.5"),
            (&["sentry=c..T", "ot=th:0"], "1"),
            (&["ot=th:0", "a=1"], "1"),
        ] {
            for under in [Under::NoTracer, Under::AlwaysOn, Under::Ours, Under::ParentBased] {
                carriers(lines, None, "01", |carrier, extractor| {
                    let parent = extract(&*propagator, extractor);
                    for cx in under.below(&sentry(), &parent) {
                        let sent = inject(&*propagator, &cx);
                        let members = baggage(&sent["baggage"]).expect("a list");
                        let found =
                            members.iter().find(|member| member.key == "sentry-sample_rate");
                        let found = found.map(|member| &*member.value);
                        let differs = found != Some(rate) && under != Under::Ours;
                        let name =
                            || format!("{}, {carrier}, {under:?}, {lines:?}", composition.name());
                        faults.note(name, differs.then(|| format!("{found:?}, expected {rate}")));
                        assert_eq!(span_context(&cx).trace_id().to_string(), TRACE);
                    }
                });
            }
        }
    }
    faults.none();
}

/// The limit of 32 members applies to all lines together.
#[test]
fn many_lines_are_held_to_the_limit_of_one_list() {
    let mut faults = Faults::default();
    let lines: Vec<String> = (0..40).map(|n| format!("k{n}={n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for composition in [Composition::WrapW3c, Composition::WrapW3cBaggage] {
        let propagator = composition.propagator(&sentry());
        for claim in CLAIMS {
            carriers(&lines, claim, "01", |carrier, extractor| {
                let cx = extract(&*propagator, extractor);
                let sent = inject(&*propagator, &cx);
                let list = &sent["tracestate"];
                let name = || format!("{}, {carrier}, {claim:?}: {list}", composition.name());
                faults.note(name, tracestate(list).err());
                let members: Vec<&str> = list.split(',').filter(|m| m.starts_with('k')).collect();
                let is_kept = lines.starts_with(&members) && members.len() >= 28;
                faults.note(name, (!is_kept).then(|| "not kept".to_owned()));
            });
        }
    }
    faults.none();
}
