//! The import direction in `src/`, and which folder owns which words.

use std::fs;
use std::path::PathBuf;

/// The layers, bottom first: a file imports only from its own folder and those before it.
const FLOORS: [&str; 11] = [
    "text",
    "sampling",
    "wire",
    "settings",
    "tracestate",
    "propagator",
    "sampler",
    "carrier",
    "http_client",
    "into_sentry",
    "trace_api",
];

/// Words in the code, and the only folders that may contain them.
const OWNED: [(&str, &[&str]); 9] = [
    ("\"sentry-trace\"", &["wire/sentry_trace"]),
    ("\"baggage\"", &["wire/baggage"]),
    ("\"traceparent\"", &["wire/traceparent"]),
    ("\"tracestate\"", &["wire/traceparent"]),
    // The header's name, the keys in baggage, the keys in tracestate.
    ("\"sentry-", &["wire", "tracestate"]),
    ("\"ot\"", &["tracestate"]),
    // Settings, and the variables that carry a trace.
    ("\"SENTRY_", &["settings", "carrier"]),
    ("opentelemetry_sdk", &["sampler", "into_sentry"]),
    ("sentry_core", &["into_sentry"]),
];

const MAX_LINES: usize = 350;

struct Source {
    /// Its path in `src/`, without `.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The folder, or the name of a file outside any folder.
    fn floor(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// The lines of code, without comments and unit tests.
    fn code(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines().take_while(|line| !line.contains("#[cfg(test)]"));
        lines.filter(|line| !line.trim_start().starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    let src = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(&src).unwrap().with_extension("");
            let path = path.to_str().unwrap().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
    found
}

fn height(floor: &str) -> usize {
    FLOORS.iter().position(|known| *known == floor).unwrap_or_else(|| panic!("{floor}: no floor"))
}

/// The names after `crate::` in a line, also those in a list.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|path| {
        let end = path.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(path.len());
        &path[..end]
    })
}

#[test]
fn folders_import_only_from_above() {
    for source in sources().iter().filter(|source| source.path != "lib") {
        let own = height(source.floor());
        for line in source.code() {
            let path = &source.path;
            assert!(!line.contains("super::") && !line.contains("self::"), "{path}.rs: {line}");
            for floor in imports(line) {
                assert!(height(floor) <= own, "{path}.rs may not import: {line}");
            }
        }
    }
}

/// `use crate::{..}` would hide an import from this test.
#[test]
fn imports_name_their_folder() {
    for source in sources() {
        assert!(!source.text.contains("crate::{"), "{}.rs", source.path);
    }
}

/// They share state only through the trace state, so that each works without the other.
#[test]
fn the_plugs_do_not_know_each_other() {
    for source in sources().iter().filter(|source| source.floor() == "sampler") {
        let mut imports = source.code().flat_map(imports);
        assert!(imports.all(|floor| floor != "propagator"), "{}.rs", source.path);
    }
}

#[test]
fn words_are_in_the_folders_that_own_them() {
    for source in sources() {
        let path = &source.path;
        for line in source.code() {
            for (word, owners) in OWNED {
                let owned = owners.iter().any(|owner| path == owner || source.floor() == *owner);
                assert!(
                    owned || !line.contains(word),
                    "{path}.rs: {word} is for {owners:?}: {line}"
                );
            }
        }
    }
}

#[test]
fn no_file_is_long() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= MAX_LINES, "{}.rs has {lines} lines", source.path);
    }
}

/// Every folder in the list of layers exists.
#[test]
fn every_floor_is_there() {
    for floor in FLOORS {
        assert!(sources().iter().any(|source| source.floor() == floor), "{floor}");
    }
}
