//! Our propagator beside others: runs each row of `tests/vectors/composition.json` through the real
//! SDK and checks the page that shows them.

mod call;
mod data;
mod lists;
mod page;
mod ratio;
mod table;
