//! The README and the examples: it names each, and the trace that it shows is one that
//! `examples/distributed_trace` prints.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// Cargo tells a test the path of binaries, but not of examples.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let name = format!("distributed_trace{}", std::env::consts::EXE_SUFFIX);
    let binary = profile.join("examples").join(name);
    assert!(binary.exists(), "run `cargo build --example distributed_trace` first");
    binary
}

/// A tree without what differs from run to run: ids, times and bars.
fn shape(tree: &str) -> Vec<Vec<&str>> {
    let is_bar = |word: &str| word.chars().all(|c| matches!(c, '█' | '·'));
    let is_id = |word: &str| word.len() >= 8 && word.bytes().all(|c| c.is_ascii_hexdigit());
    let is_fixed = |word: &&str| !is_bar(word) && !is_id(word) && word.parse::<f64>().is_err();
    let lines = tree.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| line.split_whitespace().filter(is_fixed).collect()).collect()
}

#[test]
fn the_tree_is_one_that_the_example_prints() {
    let output = Command::new(binary()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let is_shown = |tree: &&str| {
        let mut lines = tree.trim_start().lines();
        let first = lines.next().is_some_and(|line| line.starts_with("trace "));
        first && lines.next().is_some_and(|line| line.trim_start().starts_with("vue "))
    };
    let captured = printed.split("\n\n").find(is_shown).expect("the page's request is in it");

    let (_, shown) = README.split_once("```text\n").expect("a tree");
    let (shown, _) = shown.split_once("```").expect("the end of the tree");
    assert_eq!(shape(shown), shape(captured), "the README shows another tree than\n{captured}");
    assert!(shape(shown).len() > 5, "{shown}");
}

/// Those of other packages are not in the published crate.
#[test]
fn the_table_has_the_examples_that_there_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let there: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        // What examples share is in a folder without a `main.rs`.
        .filter(|path| path.is_file() || path.join("main.rs").is_file())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows = README.lines().filter(|line| line.starts_with("| `"));
    let own = rows.filter(|row| !row.contains("--manifest-path"));
    let named = own.filter_map(|row| row.split_once(" --example ")?.1.split([' ', '`']).next());
    let named: BTreeSet<_> = named.map(str::to_owned).collect();
    assert_eq!(named, there);
}
