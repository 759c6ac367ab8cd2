//! Beside the stock propagators, the outgoing headers conform to W3C's grammars and contain only
//! what the context or a propagator set.
//!
//! The grammars are those of `tests/laws/w3c.rs`, the arithmetic that of
//! `tests/laws/probability.rs`.
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
