//! The Collector's section of `docs/interop.md`, which `tests/interop` puts there.

use std::env;
use std::fs;

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/sections/collector.md");

/// The section must be what a run has found; with `INTEROP_UPDATE=1` it is written.
///
/// # Panics
///
/// Where the file is not of this run, or cannot be written.
pub fn assert_page(content: &str) {
    if env::var_os("INTEROP_UPDATE").is_some() {
        fs::write(FILE, content).expect("the file can be written");
    }
    let found = fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        found == content,
        "sections/collector.md is not of this run: INTEROP_UPDATE=1 writes it anew"
    );
}
