//! What arrived with a trace is still there when it leaves, whatever carries it in between.
#![cfg(feature = "sdk")]

#[path = "../support_core/mod.rs"]
mod support_core;

mod carriers;
mod room;
mod w3c;
