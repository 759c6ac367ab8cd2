//! The settings: what is refused and in which words, what the environment fills, where headers go.

#[path = "../support_core/mod.rs"]
mod support_core;

mod environment;
mod refused;
mod targets;
