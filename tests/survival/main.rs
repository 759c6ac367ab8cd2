//! What arrived with a trace is still there when it leaves, whatever carries it in between.

#[path = "../common/mod.rs"]
mod common;

mod carriers;
mod room;
mod w3c;
