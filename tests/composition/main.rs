//! Beside other propagators: `tests/vectors/composition.json`, each row through the real SDK, and its page.

mod call;
mod data;
mod lists;
mod page;
mod ratio;
mod table;
