//! From a process to its child: this test program runs itself.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, SentryPropagator, TraceData};

use crate::common::service::Service;
use crate::common::{
    remote, sentry_trace, span_context, DSN, OTHER_SPAN_ID, OTHER_TRACE_ID, TRACE_ID,
};

const NAMES: [&str; 6] = [
    "SENTRY_TRACE",
    "SENTRY_BAGGAGE",
    "SENTRY_USE_ENVIRONMENT",
    "TRACEPARENT",
    "TRACESTATE",
    "BAGGAGE",
];
/// The kind of child. A process without this variable is not a child.
const CHILD: &str = "OPENTELEMETRY_SENTRY_TEST_CHILD";
const DSC: &str =
    "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sample_rand=0.250000,sentry-x=a+b%20c";

/// The child prints the headers of the context that it continued.
const REPORT: &str = "continued: ";

fn otel() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

/// Another implementation's variables as headers.
fn variables(names: [(&str, &str); 2]) -> HashMap<String, String> {
    let set =
        |(variable, header): (&str, &str)| Some((header.to_owned(), env::var(variable).ok()?));
    names.into_iter().filter_map(set).collect()
}

/// The other tests run this in its own process.
#[test]
fn child() {
    let Ok(kind) = env::var(CHILD) else {
        return;
    };
    let otel_variables = || variables([("TRACEPARENT", "traceparent"), ("BAGGAGE", "baggage")]);
    let cx = match &*kind {
        "sentry" => continue_trace(&SentryPropagator::new(), &TraceData::from_env()),
        "both" => continue_trace(&SentryPropagator::new().wrap(otel()), &TraceData::from_env()),
        // Not through this crate's carrier: only the other implementation's names.
        "sentry's alone" => {
            let names = [("SENTRY_TRACE", "sentry-trace"), ("SENTRY_BAGGAGE", "baggage")];
            continue_trace(&SentryPropagator::new(), &variables(names))
        }
        "otel's alone" => continue_trace(&otel(), &otel_variables()),
        "otel's alone, and starts one" => {
            let data = trace_data(&otel(), &continue_trace(&otel(), &otel_variables()));
            let names = [("TRACEPARENT", "traceparent"), ("BAGGAGE", "baggage")];
            let set = names.map(|(name, header)| (name, data.get(header).unwrap_or_default()));
            print!("{}", start("both", os(&set)));
            return;
        }
        other => panic!("{other}"),
    };
    let trace = cx.span().span_context().clone();
    let data = trace_data(&SentryPropagator::new().wrap(otel()), &cx);
    let baggage = data.get("baggage").unwrap_or("nothing");
    let sentry_trace = match trace.is_valid() {
        true => data.get("sentry-trace").unwrap_or("nothing"),
        false => "nothing",
    };
    println!("{REPORT}{sentry_trace} {baggage}");
}

/// Starts a child with these variables and the inherited ones. Returns its output.
fn start<'a>(kind: &str, variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "environment::child", "--nocapture"]);
    let output = child.env(CHILD, kind).envs(variables).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    stdout
}

/// Starts a child with only these variables. Returns the continued `sentry-trace` and `baggage`.
fn run_as<'a>(
    kind: &str,
    variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
) -> (String, String) {
    // Empty counts as unset.
    let none = NAMES.map(|name| (name, OsStr::new("")));
    let stdout = start(kind, none.into_iter().chain(variables));
    let report = stdout.split(REPORT).nth(1).unwrap_or_else(|| panic!("{stdout}"));
    let (trace, baggage) = report.lines().next().unwrap().split_once(' ').unwrap();
    (trace.to_owned(), baggage.to_owned())
}

fn run<'a>(variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>) -> (String, String) {
    run_as("sentry", variables)
}

fn os<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a str, &'a OsStr)> {
    pairs.iter().map(|(name, value)| (*name, OsStr::new(*value)))
}

/// The variables, and the continued `sentry-trace` and `baggage`.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// An invalid trace starts a new one. Bad baggage does not affect a good trace.
#[test]
fn what_a_child_continues() {
    let good = sentry_trace("-1");
    let long_trace = format!("{good}{}", "0".repeat(20_000));
    let long_list = format!("{},{good}", "x".repeat(9_000));
    let long_baggage = format!("{DSC},sentry-y={}", "y".repeat(20_000));
    let rows: [Row<'_>; 15] = [
        ("both", &[("SENTRY_TRACE", &good), ("SENTRY_BAGGAGE", DSC)], &good, DSC),
        ("the trace alone", &[("SENTRY_TRACE", &good)], &good, "nothing"),
        ("undecided", &[("SENTRY_TRACE", &sentry_trace(""))], &sentry_trace(""), "nothing"),
        ("nothing", &[], "nothing", "nothing"),
        ("baggage alone", &[("SENTRY_BAGGAGE", DSC)], "nothing", "nothing"),
        ("empty", &[("SENTRY_TRACE", ""), ("SENTRY_BAGGAGE", "")], "nothing", "nothing"),
        ("an empty trace", &[("SENTRY_TRACE", ""), ("SENTRY_BAGGAGE", DSC)], "nothing", "nothing"),
        ("no trace", &[("SENTRY_TRACE", "1"), ("SENTRY_BAGGAGE", DSC)], "nothing", "nothing"),
        ("half a trace", &[("SENTRY_TRACE", TRACE_ID)], "nothing", "nothing"),
        ("too long", &[("SENTRY_TRACE", &long_trace)], "nothing", "nothing"),
        ("too long a list", &[("SENTRY_TRACE", &long_list)], "nothing", "nothing"),
        ("empty baggage", &[("SENTRY_TRACE", &good), ("SENTRY_BAGGAGE", "")], &good, "nothing"),
        ("no baggage", &[("SENTRY_TRACE", &good), ("SENTRY_BAGGAGE", ",;=")], &good, "nothing"),
        ("long baggage", &[("SENTRY_TRACE", &good), ("SENTRY_BAGGAGE", &long_baggage)], &good, DSC),
        (
            "another trace's",
            &[("SENTRY_TRACE", &good), ("SENTRY_BAGGAGE", "sentry-trace_id=12,sentry-x=1")],
            &good,
            "nothing",
        ),
    ];
    for (name, variables, trace, baggage) in rows {
        let continued = run(os(variables));
        assert_eq!(continued, (trace.to_owned(), baggage.to_owned()), "{name}");
    }
}

/// The values that other SDKs accept, in upper or lower case. Any other value leaves reading on.
#[test]
fn reading_can_be_turned_off() {
    let good = sentry_trace("-1");
    let off = ["false", "0", "n", "no", "off", "f", "False", "NO", "Off"];
    let on = ["true", "1", "y", "yes", "", "nope"];
    for (values, continued) in [(&off[..], "nothing"), (&on[..], &good)] {
        for value in values {
            let variables = [("SENTRY_TRACE", &*good), ("SENTRY_USE_ENVIRONMENT", *value)];
            assert_eq!(run(os(&variables)).0, continued, "{value:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_byte_outside_ascii_costs_its_member() {
    use std::os::unix::ffi::OsStringExt;
    let text = |text: &str| OsString::from(text);
    let bytes = |text: &str| OsString::from_vec([text.as_bytes(), b"\xff"].concat());
    let good = sentry_trace("-1");
    let both = |trace: &OsString, baggage: &OsString| {
        run([("SENTRY_TRACE", trace.as_os_str()), ("SENTRY_BAGGAGE", baggage.as_os_str())])
    };
    assert_eq!(both(&bytes(&good), &text(DSC)).0, "nothing");
    // One byte costs at most its member. A Sentry member is kept.
    assert_eq!(both(&text(&good), &bytes(DSC)), (good, format!("{DSC}%C3%BF")));
}

/// Parent and child share one trace, through std's `Command::envs`.
#[test]
fn from_a_span_to_a_child() {
    let sentry = Sentry::builder().dsn(DSN).release("shop@1").build().unwrap();
    let service = Service::new(&sentry, Sampler::AlwaysOn);
    let cx = service.server(&Context::new(), "nightly job");
    let data = trace_data(&sentry.propagator(), &cx);
    let pairs = data.to_env().map(|(name, value)| (name, OsStr::new(value)));
    let (trace, baggage) = run(pairs);

    assert_eq!(trace, format!("{TRACE_ID}-{}-1", span_context(&cx).span_id()));
    assert_eq!(Some(baggage.as_str()), data.get("baggage"));
    assert!(baggage.contains("sentry-release=shop%401"), "{baggage}");
}

/// A child inherits its parent's variables. They must not carry an older trace.
#[test]
fn nothing_to_send_hides_what_is_inherited() {
    let nothing = trace_data(&SentryPropagator::new(), &Context::new());
    let names = ["SENTRY_TRACE", "SENTRY_BAGGAGE", "TRACEPARENT", "TRACESTATE", "BAGGAGE"];
    assert_eq!(nothing.to_env(), names.map(|name| (name, "")));
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let data = trace_data(&SentryPropagator::new(), &cx);
    let trace = sentry_trace("-1");
    let expected = names.map(|name| (name, if name == "SENTRY_TRACE" { &*trace } else { "" }));
    assert_eq!(data.to_env(), expected);

    // Overwrites existing variables, as in a child that inherits them.
    let mut variables: HashMap<&str, &str> =
        HashMap::from([("SENTRY_TRACE", "old"), ("SENTRY_BAGGAGE", "old")]);
    variables.extend(nothing.to_env());
    assert_eq!(
        run(variables.into_iter().map(|(name, value)| (name, OsStr::new(value)))).0,
        "nothing"
    );
}

/// A process's `variables`, then what two children continue: one that reads both sets of names, one
/// that reads Sentry's.
#[test]
fn sentrys_names_come_before_otels() {
    let trace = sentry_trace("-1");
    let w3c = format!("00-{TRACE_ID}-{OTHER_SPAN_ID}-00");
    let of_w3c = format!("{TRACE_ID}-{OTHER_SPAN_ID}-0");
    let other_w3c = format!("00-{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-01");
    let rows: [Row<'_>; 6] = [
        ("OTel's", &[("TRACEPARENT", &w3c), ("BAGGAGE", "tenant=7")], &of_w3c, "tenant=7"),
        (
            "OTel's, with a DSC without a decision",
            &[("TRACEPARENT", &w3c), ("BAGGAGE", DSC)],
            of_w3c.trim_end_matches("-0"),
            DSC,
        ),
        ("both, one trace", &[("SENTRY_TRACE", &trace), ("TRACEPARENT", &w3c)], &trace, "nothing"),
        (
            "both, another trace",
            &[("SENTRY_TRACE", &trace), ("SENTRY_BAGGAGE", DSC), ("TRACEPARENT", &other_w3c)],
            &trace,
            DSC,
        ),
        (
            "two lists",
            &[("SENTRY_TRACE", &trace), ("SENTRY_BAGGAGE", DSC), ("BAGGAGE", "sentry-x=1,a=1")],
            &trace,
            DSC,
        ),
        (
            "an empty list counts as none",
            &[("SENTRY_TRACE", &trace), ("SENTRY_BAGGAGE", ""), ("BAGGAGE", DSC)],
            &trace,
            DSC,
        ),
    ];
    for (name, variables, trace, baggage) in rows {
        let (found, list) = run_as("both", os(variables));
        assert_eq!(found, trace, "{name}");
        assert!(list.starts_with(baggage), "{name}: {list}");
        assert!(!list.contains("sentry-x=1"), "{name}: {list}");
    }
    let off = [("TRACEPARENT", &*w3c), ("BAGGAGE", DSC), ("SENTRY_USE_ENVIRONMENT", "0")];
    assert_eq!(run_as("both", os(&off)).0, "nothing");
}

/// From this process to one that knows only OTel's variables, and from there to one that knows
/// both.
#[test]
fn a_parent_that_speaks_only_otels() {
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let cx = cx.with_baggage([KeyValue::new("tenant", "7")]);
    let wrapped = SentryPropagator::new().wrap(otel());
    let data = trace_data(&wrapped, &cx);
    let set = data.to_env().map(|(name, value)| (name, OsStr::new(value)));
    // One of our children, and one that knows only OTel's names.
    for kind in ["both", "otel's alone"] {
        let (trace, baggage) = run_as(kind, set);
        assert_eq!((&*trace, &*baggage), (&*sentry_trace("-1"), "tenant=7"), "{kind}");
    }
    // Through one that knows only OTel's names, without Sentry's.
    let otels = set.into_iter().filter(|(name, _)| !name.starts_with("SENTRY_"));
    let (trace, baggage) = run_as("otel's alone, and starts one", otels);
    assert_eq!((&*trace, &*baggage), (&*sentry_trace("-1"), "tenant=7"));
}

#[test]
fn a_child_that_speaks_only_sentrys() {
    let sentry = Sentry::builder().dsn(DSN).release("shop@1").build().unwrap();
    let service = Service::new(&sentry, Sampler::AlwaysOn);
    let cx = service.server(&Context::new(), "nightly job");
    let data = trace_data(&sentry.propagator().wrap(otel()), &cx);
    let set = data.to_env().map(|(name, value)| (name, OsStr::new(value)));
    assert!(set.iter().any(|(name, value)| *name == "TRACEPARENT" && !value.is_empty()));
    let (trace, baggage) = run_as("sentry's alone", set);
    assert_eq!(trace, format!("{TRACE_ID}-{}-1", span_context(&cx).span_id()));
    assert!(baggage.contains("sentry-release=shop%401"), "{baggage}");
}
