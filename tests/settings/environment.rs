//! Which settings `SENTRY_*` variables fill, and which they do not.

use std::env;
use std::ffi::OsStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryBuilder};

use crate::common::{dsc, headers, inject, remote, sentry_trace, DSN, TRACE_ID};

pub(super) const NAMES: [&str; 8] = [
    "SENTRY_DSN",
    "SENTRY_RELEASE",
    "SENTRY_ENVIRONMENT",
    "SENTRY_TRACES_SAMPLE_RATE",
    "SENTRY_ORG_ID",
    "SENTRY_STRICT_TRACE_CONTINUATION",
    "SENTRY_TRACE_PROPAGATION_TARGETS",
    "SENTRY_PROPAGATE_TRACEPARENT",
];

/// Sets the process's `SENTRY_*` variables until it is dropped. Only one test at a time can hold
/// it.
pub(super) struct Variables(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Variables {
    pub(super) fn set<'a, V: AsRef<OsStr>>(pairs: impl IntoIterator<Item = (&'a str, V)>) -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        remove_all();
        for (name, value) in pairs {
            assert!(NAMES.contains(&name), "{name}");
            env::set_var(name, value);
        }
        Variables(guard)
    }
}

impl Drop for Variables {
    fn drop(&mut self) {
        remove_all();
    }
}

fn remove_all() {
    for name in NAMES {
        env::remove_var(name);
    }
}

const GOOD: [&str; 8] =
    [DSN, "env@1", "env-ironment", "1", "77", "true", "https://a.example, /internal/ ,b", "true"];

const BAD: [&str; 8] = ["no DSN", "\n", "\n", "2", "o1", "maybe", ",", "maybe"];

const EMPTY: [&str; 8] = [""; 8];

fn all(values: [&'static str; 8]) -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.into_iter().zip(values)
}

/// Sets every option, so that no variable is left to read.
fn code() -> SentryBuilder {
    Sentry::builder()
        .dsn(DSN)
        .release("code@2")
        .environment("code-ironment")
        .traces_sample_rate(0.0)
        .org_id("88")
        .strict_trace_continuation(false)
        .trace_propagation_targets(["https://c.example"])
        .propagate_traceparent(false)
}

/// All settings, observed through their effects.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    release: Option<String>,
    environment: Option<String>,
    org_id: Option<String>,
    /// The flag that a head sends.
    decision: Option<String>,
    strict: bool,
    traceparent: bool,
    targets: Vec<&'static str>,
}

fn shown(sentry: &Sentry) -> Shown {
    let propagator = sentry.propagator();
    let urls = ["https://a.example/", "http://x/internal/1", "http://b/", "https://c.example"];
    let cx = Context::new().with_remote_span_context(remote(true, ""));
    let sends = |url: &&str| !inject(&propagator, &cx.with_outgoing_url(*url)).is_empty();
    let targets = urls.into_iter().filter(sends).collect::<Vec<_>>();
    let url = targets.first().copied().unwrap_or_default();
    let sent = inject(&propagator, &cx.with_outgoing_url(url));
    let value = |key| {
        let member = dsc(&sent).into_iter().find(|(name, _)| *name == key);
        member.map(|(_, value)| value.to_owned())
    };
    let incoming = headers([("sentry-trace", &*sentry_trace("-1"))]);
    Shown {
        release: value("release"),
        environment: value("environment"),
        org_id: value("org_id"),
        decision: decision(sentry, url),
        strict: !propagator.extract(&incoming).has_active_span(),
        traceparent: propagator.fields().any(|name| name == "traceparent"),
        targets,
    }
}

#[cfg(feature = "sdk")]
fn decision(sentry: &Sentry, url: &str) -> Option<String> {
    use crate::common::service::Service;

    let service = Service::of(sentry);
    let sent = service.send(&service.server(&Context::new(), "x").with_outgoing_url(url));
    let trace = sent.get("sentry-trace")?;
    assert!(trace.starts_with(TRACE_ID));
    trace.splitn(3, '-').nth(2).map(str::to_owned)
}

#[cfg(not(feature = "sdk"))]
fn decision(_: &Sentry, _: &str) -> Option<String> {
    let _ = TRACE_ID;
    None
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn flag(flag: &str) -> Option<String> {
    text(flag).filter(|_| cfg!(feature = "sdk"))
}

fn from_environment() -> Shown {
    Shown {
        release: text("env%401"),
        environment: text("env-ironment"),
        org_id: text("77"),
        decision: flag("1"),
        strict: true,
        traceparent: true,
        targets: vec!["https://a.example/", "http://x/internal/1", "http://b/"],
    }
}

fn from_code() -> Shown {
    Shown {
        release: text("code%402"),
        environment: text("code-ironment"),
        org_id: text("88"),
        decision: flag("0"),
        strict: false,
        traceparent: false,
        targets: vec!["https://c.example"],
    }
}

#[test]
fn every_variable_is_read() {
    let _variables = Variables::set(all(GOOD));
    for built in [Sentry::from_env(), Sentry::builder().env().build()] {
        assert_eq!(shown(&built.unwrap()), from_environment());
    }
}

#[test]
fn without_env_none_is_read() {
    let nothing = shown(&Sentry::builder().build().unwrap());
    for values in [GOOD, BAD] {
        let _variables = Variables::set(all(values));
        assert_eq!(shown(&Sentry::builder().build().unwrap()), nothing);
    }
    assert_eq!((nothing.environment, nothing.targets.len()), (None, 4));
}

/// Code overrides the environment, wherever `env` is in the chain. The variable of an option set in
/// code is not read.
#[test]
fn code_wins() {
    for values in [GOOD, BAD, EMPTY] {
        let _variables = Variables::set(all(values));
        for builder in [code().env(), Sentry::builder().env()] {
            let builder = builder
                .dsn(DSN)
                .release("code@2")
                .environment("code-ironment")
                .traces_sample_rate(0.0)
                .org_id("88")
                .strict_trace_continuation(false)
                .trace_propagation_targets(["https://c.example"])
                .propagate_traceparent(false);
            assert_eq!(shown(&builder.build().unwrap()), from_code());
        }
        assert_eq!(shown(&code().env().build().unwrap()), from_code());
    }
}

/// One option in code leaves the others to the environment.
#[test]
fn each_option_is_filled_alone() {
    let _variables = Variables::set(all(GOOD));
    let builder = Sentry::builder().env();
    type Change = fn(&mut Shown);
    let rows: [(SentryBuilder, Change); 6] = [
        (builder.clone().release("x"), |shown| shown.release = text("x")),
        (builder.clone().environment("x"), |shown| shown.environment = text("x")),
        (builder.clone().org_id("5"), |shown| shown.org_id = text("5")),
        (builder.clone().traces_sample_rate(0.0), |shown| shown.decision = flag("0")),
        (builder.clone().strict_trace_continuation(false), |shown| shown.strict = false),
        (builder.clone().propagate_traceparent(false), |shown| shown.traceparent = false),
    ];
    for (builder, change) in rows {
        let mut expected = from_environment();
        change(&mut expected);
        assert_eq!(shown(&builder.build().unwrap()), expected);
    }
    let targets = builder.clone().trace_propagation_targets(["c.example"]).build().unwrap();
    assert_eq!(shown(&targets).targets, ["https://c.example"]);
    let dsn = builder.dsn("https://key@a.example/1").build().unwrap();
    assert_eq!(shown(&dsn).targets, ["http://x/internal/1", "http://b/"], "the DSN's own host");
}

/// Empty means unset, except for the targets: an empty list is a list.
#[test]
fn empty_variables() {
    let nothing = shown(&Sentry::builder().build().unwrap());
    let _variables = Variables::set(all(EMPTY));
    let empty = shown(&Sentry::from_env().unwrap());
    assert_eq!(empty, Shown { decision: None, targets: Vec::new(), ..Shown::default() });
    env::remove_var("SENTRY_TRACE_PROPAGATION_TARGETS");
    assert_eq!(shown(&Sentry::from_env().unwrap()), nothing);
    env::set_var("SENTRY_DSN", DSN);
    let dsn = shown(&Sentry::from_env().unwrap());
    assert_eq!((dsn.environment, dsn.org_id), (text("production"), text("1")));
}

#[test]
fn booleans() {
    for (value, expected) in [("true", true), ("false", false), ("", false)] {
        let pairs = ["SENTRY_STRICT_TRACE_CONTINUATION", "SENTRY_PROPAGATE_TRACEPARENT"];
        let _variables =
            Variables::set([("SENTRY_ORG_ID", "1")].into_iter().chain(pairs.map(|n| (n, value))));
        let shown = shown(&Sentry::from_env().unwrap());
        assert_eq!((shown.strict, shown.traceparent), (expected, expected), "{value:?}");
    }
}

/// Variables that the program passes in if its platform has no environment, such as a worker's
/// bindings.
#[test]
fn values_that_the_program_hands_over() {
    let value = |values: [&'static str; 8]| {
        move |name: &str| all(values).find(|(known, _)| *known == name).map(|(_, value)| value)
    };
    let given = |values| Sentry::builder().env_from(value(values));
    // Without `env` only these are read. With `env` they take precedence, even when empty.
    let nothing = shown(&Sentry::builder().build().unwrap());
    for process in [BAD, EMPTY] {
        let _variables = Variables::set(all(process));
        assert_eq!(shown(&given(GOOD).build().unwrap()), from_environment());
        assert_eq!(shown(&given(GOOD).env().build().unwrap()), from_environment());
        let none = Sentry::builder().env_from(|_| None::<String>);
        assert_eq!(shown(&none.build().unwrap()), nothing);
    }
    let _variables = Variables::set(all(GOOD));
    assert_eq!(shown(&given(EMPTY).env().build().unwrap()).targets, [""; 0]);
    let one = Sentry::builder().env_from(|name| (name == "SENTRY_RELEASE").then_some("x")).env();
    let expected = Shown { release: text("x"), ..from_environment() };
    assert_eq!(shown(&one.build().unwrap()), expected, "the others come from the environment");

    // Code takes precedence, and the value of an option that it has set is not read.
    for values in [GOOD, BAD, EMPTY] {
        assert_eq!(shown(&code().env_from(value(values)).build().unwrap()), from_code());
    }
    let error = given(BAD).build().unwrap_err().to_string();
    assert!(error.starts_with("SENTRY_DSN: "), "{error}");
    let mut names = Vec::new();
    let _ = Sentry::builder().env_from(|name| {
        names.push(name.to_owned());
        None::<String>
    });
    assert_eq!(names, NAMES, "each is read once");
}

/// Only `build` reads them.
#[test]
fn build_reads_them() {
    let builder = {
        let _variables = Variables::set(all(BAD));
        Sentry::builder().env()
    };
    let _variables = Variables::set(all(GOOD));
    let sentry = builder.build().unwrap();
    env::set_var("SENTRY_RELEASE", "later");
    assert_eq!(shown(&sentry), from_environment());
}
