//! Our propagator beside others: each row of `tests/vectors/composition.json` through the real SDK,
//! and the page that shows them.

mod call;
mod data;
mod lists;
mod page;
mod ratio;
mod table;
