//! The command line, run as a process.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Cargo tells a test where the package's binaries are, but not where its examples are.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("deps/ is in a profile's folder");
    let binary = profile.join("examples").join(format!("doctor{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "build it first: cargo build --example doctor");
    binary
}

fn doctor(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What it prints.
pub(crate) fn text(arguments: &[&str], input: &str) -> String {
    let output = doctor(arguments, input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

const DUMP: &str = "* Connected\n> GET / HTTP/1.1\n> Host: localhost\n\
                    > Sentry-Trace: 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1\n\
                    > baggage: sentry-sample_rand=0.25\n< HTTP/1.1 200 OK\n";

#[test]
fn a_dump_is_explained_without_escape_codes() {
    let output = doctor(&["--rate", "0.5"], DUMP);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("in trace 771a43a4192642f0b136d5159a501700"), "{text}");
}

#[test]
fn json_is_for_programs() {
    let output = doctor(&["--json"], DUMP);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["decision"]["rule"], "NeitherOrganizationKnown");
    assert_eq!(report["dsc"][0]["key"], "sample_rand");
}

#[test]
fn no_headers_is_no_mistake() {
    let output = doctor(&[], "");
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("There are no headers"));
}

#[test]
fn a_wrong_command_line_says_so() {
    for (arguments, problem) in [
        (&["--colour"][..], "invalid option '--colour'"),
        (&["--rate", "2", "--baggage", "a=b"][..], "traces_sample_rate"),
        (&["--sentry-trace"][..], "missing argument for option '--sentry-trace'"),
    ] {
        let output = doctor(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(problem), "{error}");
    }
}
