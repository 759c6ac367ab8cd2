//! `tests/vectors/regressions.json`: every fixed bug, with its input and the correct result.

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
