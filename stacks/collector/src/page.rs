//! The Collector's section of `docs/interop.md`. `tests/interop` adds it to the page.

use std::env;
use std::fs;

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/sections/collector.md");

/// Asserts that the section equals this run's. With `INTEROP_UPDATE=1` it is written instead.
///
/// # Panics
///
/// If the file differs from this run, or cannot be written.
pub fn assert_page(content: &str) {
    if env::var_os("INTEROP_UPDATE").is_some() {
        fs::write(FILE, content).expect("the file can be written");
    }
    let found = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        found == content,
        "sections/collector.md differs from this run; INTEROP_UPDATE=1 rewrites it"
    );
}
