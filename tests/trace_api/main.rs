//! Custom instrumentation: continue a trace, forward it, start one.

#[path = "../common/mod.rs"]
mod common;

mod continued;
mod data;
mod started;
