//! `tests/vectors/regressions.json`: every bug that was found, with what showed it and what holds now.

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
