//! Any remote trace state after our extract, and any that `wrap` writes, follows W3C's grammar,
//! with and without a Sentry claim.

use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceState;
use opentelemetry_sentry::{MessageExtractor, Sentry, TraceData};

use crate::lists::{Composition, Propagator};
use crate::own::Faults;
use crate::service::{
    extract, headers, inject, sentry_trace, span_context, traceparent, Headers, Under, DSN,
    OTHER_TRACE, SPAN, TRACE,
};
use crate::w3c::{baggage, tracestate};

/// An incoming list, and the members of other parties that stay.
fn rows() -> Vec<(String, String)> {
    let long = |n: usize| "k".repeat(n);
    let list = |count: usize| -> String {
        let members: Vec<String> = (0..count).map(|n| format!("k{n}=1")).collect();
        members.join(",")
    };
    let rows = [
        ("a=1\r\nx-evil: 1", ""),
        ("a=1\r\nx-evil: 1,b=2", "b=2"),
        ("b=2,a=1\nx-evil: 1", "b=2"),
        ("v=é", ""),
        ("v=é,b=2", "b=2"),
        ("v=", ""),
        ("b=2,v=", "b=2"),
        ("v= ", ""),
        ("=x", ""),
        ("=x,b=2", "b=2"),
        ("=", ""),
        ("b=2,=,c=3", "b=2,c=3"),
        ("a=\0", ""),
        ("a=\0,b=2", "b=2"),
        ("a=\u{7f},b=2", "b=2"),
        ("a=x\ty,b=2", "b=2"),
        ("a=1,a=2", "a=1"),
        ("a=1,b=2,a=3,b=4,c=5", "a=1,b=2,c=5"),
        ("a=1,A=2,b=2", "a=1,b=2"),
        ("_a=1,b=2", "b=2"),
        ("é=1,b=2", "b=2"),
        ("a b=1,b=2", "b=2"),
        ("no-value,b=2", "b=2"),
        ("a=1=2,b=2", "b=2"),
        (" a=1 ,\tb=2\t,, c=x y", "a=1,b=2,c=x y"),
        ("a= x,b=2", "a= x,b=2"),
        ("a@b=1,0a=2,a*/_-=~!\"#", "a@b=1,0a=2,a*/_-=~!\"#"),
        ("sentryco=1,sentry-x=2", "sentryco=1,sentry-x=2"),
        ("sentry=\u{1},b=2", "b=2"),
        ("sentry=é,sentry-2=\n,b=2", "b=2"),
        ("a=1,sentry=,b=2", "a=1,b=2"),
        ("", ""),
        (",,,", ""),
    ];
    let mut rows: Vec<(String, String)> =
        rows.map(|(came, kept)| (came.to_owned(), kept.to_owned())).into();
    rows.push((list(31), list(31)));
    rows.push((list(32), list(32)));
    rows.push((list(33), list(32)));
    rows.push((list(80), list(32)));
    rows.push((format!("{}=1,b=2", long(256)), format!("{}=1,b=2", long(256))));
    rows.push((format!("{}=1,b=2", long(257)), "b=2".to_owned()));
    rows.push((format!("a={},b=2", long(256)), format!("a={},b=2", long(256))));
    rows.push((format!("a={},b=2", long(257)), "b=2".to_owned()));
    rows
}

/// Sentry's headers beside W3C's.
fn claims() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let trace = |flag: &str| ("sentry-trace", sentry_trace(flag));
    let dsc = ("baggage", "sentry-sample_rand=0.000001,sentry-release=1".to_owned());
    let named = ("baggage", format!("sentry-trace_id={TRACE},sentry-release=1"));
    let other = ("sentry-trace", format!("{OTHER_TRACE}-{SPAN}-1"));
    vec![
        ("no claim", vec![]),
        ("another party's baggage", vec![("baggage", "tenant=7".to_owned())]),
        ("a DSC without a trace", vec![dsc.clone()]),
        ("the trace", vec![trace("-1")]),
        ("the trace, not sampled", vec![trace("-0")]),
        ("the trace, undecided, and its DSC", vec![trace(""), dsc.clone()]),
        ("the trace and its DSC", vec![trace("-1"), dsc]),
        ("its DSC without sentry-trace", vec![named]),
        ("malformed", vec![("sentry-trace", "nonsense".to_owned())]),
        ("another trace", vec![other]),
    ]
}

/// Compositions in which the remote parent passes through our extract.
fn compositions(sentry: &Sentry) -> Vec<(Composition, Propagator)> {
    [
        Composition::WrapW3c,
        Composition::WrapW3cBaggage,
        Composition::W3cSentry,
        Composition::BaggageW3cSentry,
    ]
    .map(|composition| (composition, composition.propagator(sentry)))
    .into()
}

fn settings() -> [Sentry; 3] {
    let builder = || Sentry::builder().dsn(DSN);
    [
        Sentry::builder().build(),
        builder().traces_sample_rate(0.5).build(),
        builder().trace_propagation_targets([""; 0]).traces_sample_rate(1.0).build(),
    ]
    .map(|sentry| sentry.expect("settings"))
}

/// The same headers in each carrier that can hold them.
fn carriers(headers: &Headers, mut each: impl FnMut(&str, &dyn Extractor)) {
    each("map", headers);
    let data: TraceData =
        headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    each("data", &data);
    let bytes = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    each("message", &MessageExtractor::new(bytes));
}

/// Other parties' members except `ot`.
fn others(list: &str) -> Vec<String> {
    let is_ours = |member: &&str| {
        let key = member.split('=').next().unwrap_or_default();
        let number = key.strip_prefix("sentry-").map(|n| n.bytes().all(|b| b.is_ascii_digit()));
        key == "sentry" || number == Some(true) && key != "sentry-" || key == "ot"
    };
    let members = list.split(',').filter(|member| !member.is_empty());
    members.filter(|member| !is_ours(member)).map(str::to_owned).collect()
}

/// Returns a difference from the expected list. Our own members may displace the last few.
fn differs(came: &str, kept: &str, list: &str) -> Option<String> {
    let (kept, found) = (others(kept), others(list));
    // A stock propagator reads the whole list or nothing.
    let is_lost = found.is_empty() && came.parse::<TraceState>().is_err();
    let displaced = if kept.len() > 28 { 4 } else { 0 };
    let is_kept = kept.starts_with(&found) && found.len() + displaced >= kept.len();
    (!is_lost && !is_kept).then(|| format!("{found:?} of {kept:?}"))
}

#[test]
fn invalid_members_are_removed() {
    let mut faults = Faults::default();
    let [bare, _, nowhere] = settings();
    for sentry in [bare, nowhere] {
        let compositions = compositions(&sentry);
        for (came, kept) in rows() {
            for (claim, lines) in claims() {
                for flags in ["01", "00"] {
                    let mut incoming =
                        headers([("traceparent", &*traceparent(flags)), ("tracestate", &came)]);
                    let lines =
                        lines.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                    incoming.extend(lines);
                    for (composition, propagator) in &compositions {
                        carriers(&incoming, |carrier, extractor| {
                            let parent = extract(&**propagator, extractor);
                            let state = span_context(&parent).trace_state().header();
                            let name = |what: &str, list: &str| {
                                let name = composition.name();
                                format!("{name}, {carrier}, {claim}, {flags}, {came:?}: {what} {list:?}")
                            };
                            faults.note(|| name("extracted", &state), tracestate(&state).err());
                            if claim != "another trace" {
                                faults.note(
                                    || name("extracted", &state),
                                    differs(&came, &kept, &state),
                                );
                            }
                            let sent = inject(&**propagator, &parent);
                            let list = sent.get("tracestate").map_or("", String::as_str);
                            faults.note(|| name("sent", list), tracestate(list).err());
                        });
                    }
                }
            }
        }
    }
    faults.none();
}

#[test]
fn below_a_span_of_any_sampler_it_is_still_valid() {
    let mut faults = Faults::default();
    let sentry = Sentry::builder().dsn(DSN).traces_sample_rate(0.5).build().expect("settings");
    let compositions = compositions(&sentry);
    for (came, kept) in rows() {
        for (claim, lines) in claims() {
            let mut incoming =
                headers([("traceparent", &*traceparent("01")), ("tracestate", &came)]);
            let lines = lines.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            incoming.extend(lines);
            for (composition, propagator) in &compositions {
                for under in Under::SHORT {
                    for cx in under.below(&sentry, &extract(&**propagator, &incoming)) {
                        let sent = inject(&**propagator, &cx);
                        let list = sent.get("tracestate").map_or("", String::as_str);
                        let name = || {
                            let name = composition.name();
                            format!("{name}, {under:?}, {claim}, {came:?}: {list:?}")
                        };
                        faults.note(name, tracestate(list).err());
                        if claim != "another trace" {
                            faults.note(name, differs(&came, &kept, list));
                        }
                        for value in sent.values() {
                            let is_header = http::HeaderValue::from_str(value).is_ok();
                            faults.note(name, (!is_header).then(|| format!("{value:?}")));
                        }
                    }
                }
            }
        }
    }
    faults.none();
}

/// `ot` fields: flags, the incoming value, and what stays. The usual trace's R is 0x36d5159a501700.
const PROBABILITY: [(&str, &str, &str); 22] = [
    ("01", "ot=th:8;rv:7fffffffffffff", "ot=rv:7fffffffffffff"),
    ("01", "ot=th:8;rv:80000000000000", "ot=th:8;rv:80000000000000"),
    ("01", "ot=th:8", ""),
    ("01", "ot=th:36d5159a5017", "ot=th:36d5159a5017"),
    ("01", "ot=th:36d5159a501701", ""),
    ("01", "ot=th:36d5159a5018", ""),
    ("01", "ot=th:0", "ot=th:0"),
    ("00", "ot=th:0", ""),
    ("00", "ot=th:0;x:y", "ot=x:y"),
    ("00", "ot=th:0;rv:80000000000000", "ot=rv:80000000000000"),
    ("01", "ot=rv:7fffffffffffff;th:8;x:y", "ot=rv:7fffffffffffff;x:y"),
    ("01", "ot=x:y;th:8,a=1", "ot=x:y,a=1"),
    ("01", "a=1,ot=th:8", "a=1"),
    ("01", "a=1,ot=th:8,b=2", "a=1,b=2"),
    ("01", "ot=th:", ""),
    ("01", "ot=th:G", ""),
    ("01", "ot=th:2A", ""),
    ("01", "ot=th:222222222222222", ""),
    ("01", "ot=th:ffffffffffffff", ""),
    ("01", "ot=th:ffffffffffffff;rv:ffffffffffffff", "ot=th:ffffffffffffff;rv:ffffffffffffff"),
    ("01", "ot=rv:7fffffffffffff", "ot=rv:7fffffffffffff"),
    ("00", "ot=x:y,a=1", "ot=x:y,a=1"),
];

/// Whether the fields are the same in any order, beside the same other members.
fn same(left: &str, right: &str) -> bool {
    let split = |list: &str| -> Vec<Vec<String>> {
        let members = list.split(',').filter(|member| !member.is_empty());
        let fields = |member: &str| match member.strip_prefix("ot=") {
            Some(fields) => {
                let mut fields: Vec<String> = fields.split(';').map(str::to_owned).collect();
                fields.sort();
                fields.insert(0, "ot=".to_owned());
                fields
            }
            None => vec![member.to_owned()],
        };
        let mut members: Vec<_> = members.map(fields).collect();
        // A rewritten `ot` moves to the front.
        members.sort();
        members
    };
    split(left) == split(right)
}

#[test]
fn a_false_th_is_removed_without_a_claim() {
    let mut faults = Faults::default();
    for sentry in settings() {
        for (composition, propagator) in compositions(&sentry) {
            for (flags, came, kept) in PROBABILITY {
                let incoming =
                    headers([("traceparent", &*traceparent(flags)), ("tracestate", came)]);
                carriers(&incoming, |carrier, extractor| {
                    let parent = extract(&*propagator, extractor);
                    let state = span_context(&parent).trace_state().header();
                    let name = || format!("{}, {carrier}, {flags}, {came:?}", composition.name());
                    let differs = !same(&state, kept);
                    faults.note(name, differs.then(|| format!("{state:?}, expected {kept:?}")));
                    let sent = inject(&*propagator, &parent);
                    let list = sent.get("tracestate").map_or("", String::as_str);
                    let differs = !same(list, kept);
                    faults.note(name, differs.then(|| format!("{list:?} sent")));
                });
            }
        }
    }
    faults.none();
}

/// The DSC has a rate only where a valid `th` gives it.
#[test]
fn only_an_applied_rate_is_sent() {
    let mut faults = Faults::default();
    let sentry = Sentry::builder().dsn(DSN).build().expect("settings");
    for (composition, propagator) in compositions(&sentry) {
        for (flags, came, kept) in PROBABILITY {
            let incoming = headers([("traceparent", &*traceparent(flags)), ("tracestate", came)]);
            for under in [Under::NoTracer, Under::AlwaysOn, Under::Ratio(1.0), Under::ParentBased] {
                for cx in under.below(&sentry, &extract(&*propagator, &incoming)) {
                    let sent = inject(&*propagator, &cx);
                    let members = baggage(&sent["baggage"]).expect("a list");
                    let rate = members.iter().find(|member| member.key == "sentry-sample_rate");
                    let name = || format!("{}, {under:?}, {flags}, {came:?}", composition.name());
                    let fault =
                        rate.filter(|_| !kept.contains("th:")).map(|rate| rate.value.clone());
                    faults.note(name, fault);
                    let is_missing = rate.is_none() && kept.contains("th:");
                    let is_tiny = kept.contains("th:ffffffffffffff");
                    faults.note(name, (is_missing && !is_tiny).then(|| "no rate".to_owned()));
                }
            }
        }
    }
    faults.none();
}
