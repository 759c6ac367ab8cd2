//! Each example says in its first line what it shows and in its last whether it held. All of them are
//! run, as a person would run them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Name, arguments, the features it needs besides `sdk`, its first line's beginning, its last line's.
type Row = (&'static str, &'static [&'static str], bool, &'static str, &'static str);

const SHOWS: &str = "Shows: ";
const HELD: &str = "Held: ";
const DOCTOR: [&str; 4] =
    ["--rate", "1", "--sentry-trace", "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1"];
const ROWS: [Row; 8] = [
    ("child_process", &[], true, SHOWS, HELD),
    ("distributed_trace", &[], true, SHOWS, HELD),
    ("doctor", &DOCTOR, true, "What opentelemetry-sentry does with this request", "Result: "),
    ("ecommerce", &[], true, SHOWS, HELD),
    ("into_sentry", &[], cfg!(all(feature = "otlp", feature = "sentry")), SHOWS, HELD),
    ("mobile_backend", &[], cfg!(feature = "regex"), SHOWS, HELD),
    ("otlp_to_sentry", &[], cfg!(feature = "otlp"), SHOWS, HELD),
    ("queue", &[], true, SHOWS, HELD),
];

/// Runs until it is stopped; `tests/relay` drives it.
const SERVICE: &str = "relay";

fn built() -> impl Iterator<Item = Row> {
    ROWS.into_iter().filter(|(_, _, is_built, _, _)| *is_built)
}

#[test]
fn every_example_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some() || path.join("main.rs").exists())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != SERVICE)
        .collect();
    names.sort();
    assert_eq!(names, ROWS.map(|row| row.0.to_owned()));
}

#[test]
fn the_first_line_says_what_it_shows_and_the_last_whether_it_held() {
    for (name, arguments, _, first, last) in built() {
        let (is_success, stdout, stderr) = run(example(name).args(arguments));
        assert!(is_success, "{name}: {stderr}");
        let lines: Vec<&str> = stdout.lines().collect();
        assert!(lines[0].starts_with(first), "{name} begins with {:?}", lines[0]);
        let end = lines[lines.len() - 1];
        assert!(end.starts_with(last), "{name} ends with {end:?}");
        // Nothing that held looks as if it did not, and no id stands without a label.
        for line in &lines {
            assert!(!line.contains(": false"), "{name}: {line}");
            let digits = line.trim_start().bytes().take_while(u8::is_ascii_hexdigit).count();
            assert!(digits < 16, "{name}: an id without a label: {line}");
        }
    }
}

/// As in `.. | head`.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for (name, arguments, _, _, _) in built() {
        let mut child = start(example(name).args(arguments));
        drop(child.stdout.take());
        let (is_success, _, stderr) = wait(child);
        assert!(is_success && stderr.is_empty(), "{name}: {stderr}");
    }
}

#[test]
fn distributed_trace_runs_the_requests_of_one_caller() {
    let (is_success, stdout, _) = run(example("distributed_trace").args(["--only", "vue"]));
    assert!(is_success);
    assert!(stdout.contains("1/1  vue: ") && !stdout.contains("node: "), "{stdout}");
    assert!(stdout.trim_end().ends_with("Held: 1 request, 1 whole trace"), "{stdout}");

    let (is_success, help, _) = run(example("distributed_trace").arg("--help"));
    assert!(is_success);
    let (_, names) = help.split_once("one caller: ").unwrap();
    let names = names.replace("or visitor", "visitor");
    let mut names = names.split(',').map(|name| name.trim().split(' ').next().unwrap().to_owned());
    let visitor = names.position(|name| {
        let (is_success, stdout, stderr) =
            run(example("distributed_trace").args(["--only", &name]));
        assert!(is_success && stdout.contains(&format!("  {name}: ")), "{name}: {stderr}");
        name == "visitor"
    });
    assert_eq!(visitor, Some(7), "{help}");

    for (arguments, problem) in [
        (&["--only", "nobody"][..], "no caller has the name nobody"),
        (&["--only"][..], "missing argument"),
        (&["--all"][..], "invalid option '--all'"),
    ] {
        let (is_success, _, stderr) = run(example("distributed_trace").args(arguments));
        assert!(!is_success && stderr.contains(problem), "{stderr}");
    }
}

fn run(command: &mut Command) -> (bool, String, String) {
    wait(start(command))
}

/// No setting of whoever runs the tests reaches the example.
fn start(command: &mut Command) -> Child {
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("SENTRY_") || known.starts_with("OTEL_") {
            command.env_remove(&name);
        }
    }
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Whether it succeeded, and what it printed.
fn wait(mut child: Child) -> (bool, String, String) {
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take().unwrap();
    let read = thread::spawn(move || {
        let mut text = String::new();
        stdout.as_mut().map(|stdout| stdout.read_to_string(&mut text).unwrap());
        text
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let deadline = Instant::now() + TIMEOUT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("an example does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    (status.success(), read.join().unwrap(), errors.join().unwrap())
}

/// Cargo tells a test where the package's binaries are, but not where its examples are.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("deps/ is in a profile's folder");
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path: PathBuf = profile.join("examples").join(name);
    assert!(path.exists(), "build the examples first: cargo build --examples: {}", path.display());
    Command::new(path)
}
