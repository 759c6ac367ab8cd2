//! Who may import whom in `src/`, and which file owns which words.

use std::fs;
use std::path::PathBuf;

/// Floors, from the ground up; each file may import only from files before it.
const FLOORS: [&str; 6] = [
    // Bytes, numbers, words.
    "ascii url warning sampling targets traces_sampler sentry_trace traceparent baggage dsn ot \
     span_attributes",
    // Meaning.
    "continue_decision dsc_key dsc head setting config builder",
    // The bridge between Sentry's words and OTel's.
    "marks packing unpacking packed_members trace_state new_trace_state plain_dsc incoming outgoing",
    // The plugs.
    "propagator sampler",
    // What stands on the plugs.
    "compose merging carrier carrier/environment carrier/html carrier/message \
     carrier/server_timing trace_api deferred otlp resource \
     header request client",
    // The door.
    "lib",
];

/// Words of the code, and the files in which alone they stand.
const OWNED: [(&str, &[&str]); 7] = [
    ("\"sentry-trace\"", &["sentry_trace"]),
    ("\"baggage\"", &["baggage"]),
    ("\"traceparent\"", &["traceparent"]),
    ("\"tracestate\"", &["traceparent"]),
    // The header's name, the keys in baggage, the keys in tracestate.
    ("\"sentry-", &["sentry_trace", "dsc_key", "trace_state"]),
    // Settings, and the variables that carry a trace.
    ("\"SENTRY_", &["setting", "carrier/environment"]),
    ("opentelemetry_sdk", &["sampler", "otlp"]),
];

const MAX_LINES: usize = 350;

/// The files' names without `.rs`, `carrier/html` like that, and their text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let src = folders[0].clone();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            let name = name.strip_suffix(".rs").unwrap_or_else(|| panic!("src/{name}: no place"));
            found.push((name.to_owned(), text));
        }
    }
    found
}

/// The lines that are code: no comments, no unit tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| !line.contains("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

fn files() -> impl Iterator<Item = &'static str> {
    FLOORS.into_iter().flat_map(str::split_whitespace)
}

fn place(file: &str) -> usize {
    files().position(|known| known == file).unwrap_or_else(|| panic!("{file}.rs has no place"))
}

/// The file of a path behind `crate::`; a folder's file, where that is one.
fn imported(path: &str) -> String {
    let name = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let first = name(path);
    let second = path[first.len()..].strip_prefix("::").map_or(String::new(), name);
    let inner = format!("{first}/{second}");
    if files().any(|file| file == inner) {
        inner
    } else {
        first
    }
}

#[test]
fn files_import_only_from_below() {
    for (file, text) in sources() {
        let own = place(&file);
        for line in code(&text) {
            assert!(!line.contains("super::") && !line.contains("self::"), "{file}.rs: {line}");
            for path in line.split("crate::").skip(1) {
                assert!(place(&imported(path)) < own, "{file}.rs may not import: {line}");
            }
        }
    }
}

/// They share state through the trace state alone, so that each can be used without the other.
#[test]
fn the_plugs_do_not_know_each_other() {
    for (file, text) in sources() {
        let plugs = ["crate::propagator", "crate::sampler"];
        if plugs.iter().any(|plug| plug.ends_with(&*file)) {
            assert!(
                !code(&text).any(|line| plugs.iter().any(|plug| line.contains(plug))),
                "{file}"
            );
        }
    }
}

#[test]
fn words_stand_where_they_belong() {
    for (file, text) in sources() {
        for line in code(&text) {
            for (word, owners) in OWNED {
                let owned = owners.contains(&&*file) || !line.contains(word);
                assert!(owned, "{file}.rs: {word} belongs into {owners:?}: {line}");
            }
        }
    }
}

#[test]
fn no_file_is_long() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{file}.rs has {lines} lines");
    }
}

/// The table has no rooms that nobody lives in.
#[test]
fn every_place_is_taken() {
    let found: Vec<String> = sources().into_iter().map(|(file, _)| file).collect();
    for file in files() {
        assert!(found.iter().any(|known| known == file), "{file}.rs");
    }
}
