//! `tests/vectors/regressions.json`: each bug that was found, as what shows it and what holds now.

#[path = "../common/mod.rs"]
mod common;
#[path = "../composition/lists.rs"]
mod lists;
#[path = "../vectors/text.rs"]
mod text;

mod dsn;
#[cfg(feature = "http")]
mod merge;
mod row;
mod sent;
mod trace;
