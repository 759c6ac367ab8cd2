//! `install` and its guard. Globals are per process, so each case runs in its own process.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use otlp_export::Collector;

/// Runs one case of the program `service` with these variables.
fn run(case: &str, variables: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.arg(case).env("NO_PROXY", "127.0.0.1");
    for name in [
        "SENTRY_DSN",
        "SENTRY_TRACES_SAMPLE_RATE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().cloned()).output().expect("the service runs");
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn names(collector: &Collector) -> Vec<String> {
    collector.take().into_iter().map(|span| span.name).collect()
}

#[test]
fn dropping_the_guard_exports() {
    let collector = Collector::start().expect("a collector");
    let output = run("serve", &[("SENTRY_DSN", collector.dsn())]);
    assert!(output.status.success());
    assert_eq!(names(&collector), ["GET /cart"]);
}

#[test]
fn dropping_exports_if_main_returns_an_error() {
    let collector = Collector::start().expect("a collector");
    let output = run("fail", &[("SENTRY_DSN", collector.dsn())]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(names(&collector), ["GET /cart"]);
}

#[test]
fn inside_a_runtime() {
    let collector = Collector::start().expect("a collector");
    let output = run("async", &[("SENTRY_DSN", collector.dsn())]);
    assert!(output.status.success());
    assert_eq!(names(&collector), ["GET /cart"]);
}

#[test]
fn a_second_install_is_an_error() {
    let collector = Collector::start().expect("a collector");
    let output = run("twice", &[("SENTRY_DSN", collector.dsn())]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed, "a propagator for sentry-trace is installed in this process\n");
    assert_eq!(names(&collector), ["GET /cart"], "one exporter, not two");
}

/// The service runs, its traces connect, nothing is sent, and one line explains why.
#[test]
fn without_a_dsn() {
    let collector = Collector::start().expect("a collector");
    let output = run("headers", &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())]);
    assert!(output.status.success());
    let headers = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(headers.contains("sentry-trace: ") && headers.contains("traceparent: "), "{headers}");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(printed.matches("no DSN").count(), 1, "{printed}");
    assert!(names(&collector).is_empty());
}

/// A DSN alone exports nothing: one line explains why, and only where it is so.
#[test]
fn without_a_rate() {
    let collector = Collector::start().expect("a collector");
    let dsn = ("SENTRY_DSN", collector.dsn());
    let rate = ("SENTRY_TRACES_SAMPLE_RATE", "1".to_owned());
    for (variables, warnings) in [(vec![dsn.clone()], 1), (vec![dsn, rate], 0)] {
        let output = run("without a rate", &variables);
        assert!(output.status.success());
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(printed.matches("no sample rate").count(), warnings, "{printed}");
        assert_eq!(names(&collector).len(), 1 - warnings);
    }
}

#[test]
fn to_a_collector() {
    let sentry = Collector::start().expect("a collector");
    let collector = Collector::start().expect("a collector");
    let url = ("COLLECTOR", collector.endpoint());
    let output = run("collector", &[("SENTRY_DSN", sentry.dsn()), url]);
    assert!(output.status.success());
    assert_eq!(names(&collector), ["GET /cart"]);
    assert!(names(&sentry).is_empty());
}

/// OTel's own variable counts only if the user opts in.
#[test]
fn to_the_endpoint_of_the_environment() {
    let sentry = Collector::start().expect("a collector");
    let collector = Collector::start().expect("a collector");
    let base = collector.endpoint().replace("/v1/traces", "");
    let dsn = ("SENTRY_DSN", sentry.dsn());
    for (case, variable, at_collector) in [
        ("env", ("OTEL_EXPORTER_OTLP_ENDPOINT", base.clone()), true),
        ("env", ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.endpoint()), true),
        ("env", ("OTEL_EXPORTER_OTLP_ENDPOINT", String::new()), false),
        ("serve", ("OTEL_EXPORTER_OTLP_ENDPOINT", base), false),
    ] {
        let output = run(case, &[dsn.clone(), variable.clone()]);
        assert!(output.status.success(), "{case} {variable:?}");
        let expected = usize::from(at_collector);
        assert_eq!(names(&collector).len(), expected, "{case} {variable:?}");
        assert_eq!(names(&sentry).len(), 1 - expected, "{case} {variable:?}");
    }
}

#[test]
fn invalid_settings_install_nothing() {
    let output = run("refused", &[]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected =
        "invalid exporter configuration: collector_url: not an http:// or https:// URL\n\
                    installed\n";
    assert_eq!(printed, expected, "the globals were still free");
}

/// A server that accepts connections and never answers: the variable ends the wait, and one line
/// reports lost spans.
#[test]
fn a_timeout_of_the_environment() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let dsn = format!("http://key@{}/42", silent.local_addr().expect("an address"));
    for variable in ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"] {
        let start = Instant::now();
        let output = run("serve", &[("SENTRY_DSN", dsn.clone()), (variable, "300".to_owned())]);
        assert!(output.status.success());
        // Without the variable the guard would give up after 5 seconds.
        assert!(start.elapsed() < Duration::from_secs(4), "{variable}: {:?}", start.elapsed());
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(printed.matches("the last spans may be lost").count(), 1, "{printed}");
    }
}
