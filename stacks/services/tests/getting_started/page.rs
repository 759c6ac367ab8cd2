//! The page shows this program and this manifest.

const PAGE: &str = include_str!("../../../../docs/getting_started.md");
const PROGRAM: &str = include_str!("../../src/bin/getting_started.rs");
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// The page's first block of a language.
fn block(language: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let (_, rest) = PAGE.split_once(&*start).expect("a block");
    rest.split_once("\n```\n").expect("the end of the block").0
}

#[test]
fn the_page_shows_the_program_that_is_tested() {
    assert_eq!(block("rust,no_run"), PROGRAM.trim_end());
}

#[test]
fn the_page_shows_the_manifest_that_is_tested() {
    let (_, rest) = MANIFEST.split_once("\n[dependencies]\n").unwrap();
    let (ours, _) = rest.split_once("\n\n").unwrap();
    let ours = ours.replace("path = \"../..\"", "version = \"0.1\"");
    assert_eq!(block("toml"), format!("[dependencies]\n{ours}"));
}
