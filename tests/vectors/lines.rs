//! The rows must be readable in an editor.

use std::fs;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
const MAX_CHARS: usize = 200;

#[test]
fn no_line_of_a_table_is_too_long() {
    let mut tables = 0;
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        tables += 1;
        for (number, line) in (1..).zip(fs::read_to_string(&path).unwrap().lines()) {
            let chars = line.chars().count();
            assert!(chars <= MAX_CHARS, "{}:{number}: {chars} characters", path.display());
        }
    }
    assert!(tables >= 10, "{tables} tables");
}
