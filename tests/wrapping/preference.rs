//! Two parents, `sentry-trace` and `traceparent`: which one is continued, and with which DSC.

use opentelemetry_sentry::Sentry;

use super::inner::{headers, Headers, SPAN as S, TRACE as T};
use crate::call::{call, Call, NEW_TRACE};
use crate::lists::Composition;

const T2: &str = "771a43a4192642f0b136d5159a501700";
const S2: &str = "7dd6b3a1fb4d9c2a";

/// Trace, span, flag.
type Parent = (&'static str, &'static str, &'static str);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Dsc {
    Theirs,
    Ours,
    Neither,
}

struct Row {
    name: &'static str,
    sentry: Option<Parent>,
    w3c: Option<Parent>,
    /// The trace that the DSC names.
    dsc: Option<&'static str>,
    org_id: Option<&'static str>,
    by_default: (Parent, Dsc),
    prefers_w3c: (Parent, Dsc),
}

const fn row(
    name: &'static str,
    sentry: Option<Parent>,
    w3c: Option<Parent>,
    dsc: Option<&'static str>,
    by_default: (Parent, Dsc),
    prefers_w3c: (Parent, Dsc),
) -> Row {
    Row { name, sentry, w3c, dsc, org_id: None, by_default, prefers_w3c }
}

impl Row {
    const fn of_another_organization(self) -> Self {
        Row { org_id: Some("7"), ..self }
    }
}

const NEW: Parent = ("new", "", "1");

use Dsc::*;

const ROWS: [Row; 19] = [
    row(
        "the same ids",
        Some((T, S, "1")),
        Some((T, S, "1")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S, "1"), Theirs),
    ),
    row(
        "another decision",
        Some((T, S, "1")),
        Some((T, S, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S, "0"), Theirs),
    ),
    row(
        "another decision, reversed",
        Some((T, S, "0")),
        Some((T, S, "1")),
        Some(T),
        ((T, S, "0"), Theirs),
        ((T, S, "1"), Theirs),
    ),
    row(
        "another span",
        Some((T, S, "1")),
        Some((T, S2, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S2, "0"), Theirs),
    ),
    row(
        "another span, the DSC names no trace",
        Some((T, S, "1")),
        Some((T, S2, "0")),
        None,
        ((T, S, "1"), Theirs),
        ((T, S2, "0"), Theirs),
    ),
    row(
        "another trace",
        Some((T, S, "1")),
        Some((T2, S2, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T2, S2, "0"), Ours),
    ),
    row(
        "another trace, the DSC names it",
        Some((T, S, "1")),
        Some((T2, S2, "0")),
        Some(T2),
        ((T, S, "1"), Neither),
        // The DSC has no `sampled`, so 00 leaves the trace undecided, and the rate decides.
        ((T2, S2, "1"), Theirs),
    ),
    row(
        "another trace, the DSC names no trace",
        Some((T, S, "1")),
        Some((T2, S2, "0")),
        None,
        ((T, S, "1"), Theirs),
        ((T2, S2, "0"), Ours),
    ),
    row(
        "undecided, sampled",
        Some((T, S, "")),
        Some((T, S2, "1")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S2, "1"), Theirs),
    ),
    row(
        "undecided, not sampled",
        Some((T, S, "")),
        Some((T, S2, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S2, "0"), Theirs),
    ),
    row(
        "undecided, another trace",
        Some((T, S, "")),
        Some((T2, S2, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T2, S2, "0"), Ours),
    ),
    row(
        "only sentry-trace",
        Some((T, S, "0")),
        None,
        Some(T),
        ((T, S, "0"), Theirs),
        ((T, S, "0"), Theirs),
    ),
    row(
        "traceparent alone",
        None,
        Some((T, S, "0")),
        None,
        ((T, S, "0"), Ours),
        ((T, S, "0"), Ours),
    ),
    row(
        "only traceparent, and its DSC without `sampled`",
        None,
        Some((T, S, "0")),
        Some(T),
        ((T, S, "1"), Theirs),
        ((T, S, "1"), Theirs),
    ),
    row("refused", Some((T, S, "0")), Some((T, S2, "0")), Some(T), (NEW, Ours), (NEW, Ours))
        .of_another_organization(),
    row(
        "rejected, and another trace",
        Some((T, S, "0")),
        Some((T2, S2, "0")),
        Some(T),
        (NEW, Ours),
        ((T2, S2, "0"), Ours),
    )
    .of_another_organization(),
    row(
        "rejected without sentry-trace",
        None,
        Some((T, S, "0")),
        Some(T),
        (NEW, Ours),
        (NEW, Ours),
    )
    .of_another_organization(),
    row(
        "rejected, the DSC names W3C's trace",
        Some((T, S, "0")),
        Some((T2, S2, "0")),
        Some(T2),
        (NEW, Ours),
        (NEW, Ours),
    )
    .of_another_organization(),
    row(
        "rejected, the DSC names neither trace",
        Some((T, S, "0")),
        Some((T, S2, "0")),
        Some(T2),
        (NEW, Ours),
        (NEW, Ours),
    )
    .of_another_organization(),
];

impl Row {
    fn incoming(&self) -> Headers {
        let mut dsc = match self.dsc {
            Some(trace_id) => format!("sentry-trace_id={trace_id},sentry-release=theirs"),
            None if self.sentry.is_none() => "tenant=7".to_owned(),
            None => "sentry-release=theirs".to_owned(),
        };
        if let Some(id) = self.org_id {
            dsc += &format!(",sentry-org_id={id}");
        }
        let mut incoming = headers([("baggage", &*dsc)]);
        if let Some((trace, span, flag)) = self.sentry {
            let dash = if flag.is_empty() { "" } else { "-" };
            incoming.insert("sentry-trace".to_owned(), format!("{trace}-{span}{dash}{flag}"));
        }
        if let Some((trace, span, flag)) = self.w3c {
            incoming.insert("traceparent".to_owned(), format!("00-{trace}-{span}-0{flag}"));
            incoming.insert("tracestate".to_owned(), "vendor=1".to_owned());
        }
        incoming
    }
}

#[test]
fn every_row_is_continued_as_specified() {
    for row in ROWS {
        for composition in [
            Composition::WrapW3c,
            Composition::WrapW3cBaggage,
            Composition::WrapBaggageW3c,
            Composition::W3cSentry,
            Composition::W3cBaggageSentry,
            Composition::BaggageW3cSentry,
        ] {
            for (prefers, (parent, dsc)) in [(false, row.by_default), (true, row.prefers_w3c)] {
                let name = format!("{}, {}, prefer {prefers}", row.name, composition.name());
                check(&row, composition, prefers, parent, dsc, &name);
            }
        }
    }
}

fn check(row: &Row, composition: Composition, prefers: bool, parent: Parent, dsc: Dsc, name: &str) {
    let sentry = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
        .traces_sample_rate(1.0)
        .prefer_traceparent(prefers)
        .build()
        .expect("settings");
    let propagator = composition.propagator(&sentry);
    let mut sent = Headers::new();
    let request = Call { name: "checkout", ..Call::default() };
    let called = call(&*propagator, sentry.sampler(), &row.incoming(), request, &mut sent);

    let (trace, span, flag) = parent;
    let remote = called.parent();
    if parent == NEW {
        assert!(!remote.is_valid(), "{name}");
    } else {
        assert_eq!(remote.span_id().to_string(), span, "{name}");
    }
    let new = NEW_TRACE.to_string();
    let trace = if parent == NEW { &*new } else { trace };
    let id = called.span_context().span_id();
    assert_eq!(sent["sentry-trace"], format!("{trace}-{id}-{flag}"), "{name}");
    assert_eq!(sent["traceparent"], format!("00-{trace}-{id}-0{flag}"), "{name}");
    // W3C's trace state stays with its trace.
    let keeps_state = row.w3c.is_some_and(|(w3c, _, _)| w3c == trace);
    assert_eq!(sent["tracestate"].contains("vendor=1"), keeps_state, "{name}: {sent:?}");

    let list = sent.get("baggage").map_or("", String::as_str);
    assert_eq!(list.contains("sentry-release=theirs"), dsc == Theirs, "{name}: {list}");
    assert_eq!(list.contains("sentry-public_key=49d0f738"), dsc == Ours, "{name}: {list}");
    assert_eq!(list.contains("sentry-"), dsc != Neither, "{name}: {list}");
    for other in [T, T2, &*new].into_iter().filter(|other| *other != trace) {
        assert!(!sent.values().any(|value| value.contains(other)), "{name}: {sent:?}");
    }
}

/// Without a W3C propagator there is only one parent to prefer.
#[test]
fn alone_the_option_changes_nothing() {
    for row in ROWS.iter().filter(|row| row.sentry.is_some()) {
        let out = [false, true].map(|prefers| {
            let sentry = Sentry::builder().prefer_traceparent(prefers).build().expect("settings");
            let mut sent = Headers::new();
            let request = Call::default();
            call(&sentry.propagator(), sentry.sampler(), &row.incoming(), request, &mut sent);
            sent
        });
        assert_eq!(out[0], out[1], "{}", row.name);
    }
}
