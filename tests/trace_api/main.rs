//! Custom instrumentation from outside: continue a trace, hand it on, start one.

#[path = "../support_core/mod.rs"]
mod support_core;

mod continued;
mod data;
mod started;
