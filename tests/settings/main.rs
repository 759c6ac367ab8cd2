//! The settings: what is refused and in which words, what the environment fills, where headers go.

#[path = "../common/mod.rs"]
mod common;

mod environment;
mod refused;
mod targets;
