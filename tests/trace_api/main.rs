//! Custom instrumentation from outside: continue a trace, hand it on, start one.

#[path = "../common/mod.rs"]
mod common;

mod continued;
mod data;
mod started;
