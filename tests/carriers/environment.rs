//! From a process to its child: this test program starts itself.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{continue_trace, trace_data, Sentry, SentryPropagator, TraceData};

use crate::common::service::Service;
use crate::common::{remote, sentry_trace, span_context, DSN, TRACE_ID};

const NAMES: [&str; 3] = ["SENTRY_TRACE", "SENTRY_BAGGAGE", "SENTRY_USE_ENVIRONMENT"];
const IS_CHILD: &str = "OPENTELEMETRY_SENTRY_TEST_CHILD";
const DSC: &str =
    "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sample_rand=0.250000,sentry-x=a+b%20c";

/// What the child prints: the headers of the context that it continued.
const REPORT: &str = "continued: ";

/// The other tests run this one as a child process.
#[test]
fn child() {
    if env::var_os(IS_CHILD).is_none() {
        return;
    }
    let propagator = SentryPropagator::new();
    let cx = continue_trace(&propagator, &TraceData::from_env());
    let data = trace_data(&propagator, &cx);
    let header = |name| data.get(name).unwrap_or("nothing");
    println!("{REPORT}{} {}", header("sentry-trace"), header("baggage"));
}

/// Starts the child with these variables. Returns what it continued: `sentry-trace` and `baggage`.
fn run<'a>(variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>) -> (String, String) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "carriers::environment::child", "--nocapture"]);
    for name in NAMES {
        child.env_remove(name);
    }
    let output = child.env(IS_CHILD, "1").envs(variables).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    let report = stdout.split(REPORT).nth(1).unwrap_or_else(|| panic!("{stdout}"));
    let (trace, baggage) = report.lines().next().unwrap().split_once(' ').unwrap();
    (trace.to_owned(), baggage.to_owned())
}

fn os<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a str, &'a OsStr)> {
    pairs.iter().map(|(name, value)| (*name, OsStr::new(*value)))
}

/// The variables, and `sentry-trace` and `baggage` of what is continued.
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

/// The values that other SDKs accept, in upper or lower case. Everything else leaves it on.
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
fn what_is_no_text_is_not_set() {
    use std::os::unix::ffi::OsStringExt;
    let text = |text: &str| OsString::from(text);
    let bytes = |text: &str| OsString::from_vec([text.as_bytes(), b"\xff"].concat());
    let good = sentry_trace("-1");
    let both = |trace: &OsString, baggage: &OsString| {
        run([("SENTRY_TRACE", trace.as_os_str()), ("SENTRY_BAGGAGE", baggage.as_os_str())])
    };
    assert_eq!(both(&bytes(&good), &text(DSC)).0, "nothing");
    assert_eq!(both(&text(&good), &bytes(DSC)), (good, "nothing".to_owned()));
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

/// A child inherits the variables of its parent: they must not be those of an older trace.
#[test]
fn nothing_to_send_hides_what_is_inherited() {
    let nothing = trace_data(&SentryPropagator::new(), &Context::new());
    assert_eq!(nothing.to_env(), [("SENTRY_TRACE", ""), ("SENTRY_BAGGAGE", "")]);
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let trace = trace_data(&SentryPropagator::new(), &cx);
    assert_eq!(trace.to_env(), [("SENTRY_TRACE", &*sentry_trace("-1")), ("SENTRY_BAGGAGE", "")]);

    // Over existing variables, as in a child that inherits them.
    let mut variables: HashMap<&str, &str> =
        HashMap::from([("SENTRY_TRACE", "old"), ("SENTRY_BAGGAGE", "old")]);
    variables.extend(nothing.to_env());
    assert_eq!(
        run(variables.into_iter().map(|(name, value)| (name, OsStr::new(value)))).0,
        "nothing"
    );
}
