//! `tests/vectors/regressions.json`: each bug that was found, as what shows it and what holds now.
#![cfg(feature = "sdk")]

#[path = "../composition/lists.rs"]
mod lists;
#[allow(dead_code)] // Each test takes what it needs.
#[path = "../support/mod.rs"]
mod support;
#[path = "../vectors/text.rs"]
mod text;

mod dsn;
#[cfg(feature = "http")]
mod merge;
mod row;
mod sent;
mod trace;
