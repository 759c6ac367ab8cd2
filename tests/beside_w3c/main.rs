//! Beside the stock propagators: what goes out is what W3C's grammars accept, what somebody meant,
//! and nothing else.
//!
//! The grammars are those of `tests/laws/w3c.rs`, the arithmetic that of `tests/laws/probability.rs`.
#![cfg(feature = "sdk")]

#[path = "../composition/lists.rs"]
mod lists;
#[path = "../laws/own.rs"]
mod own;
#[path = "../laws/w3c.rs"]
mod w3c;

mod flags;
mod forged;
mod grammar;
mod left_standing;
mod lines;
mod members;
mod properties;
mod rewritten;
mod service;
mod tracestate;
