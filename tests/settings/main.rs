//! The settings: which are rejected, which the environment fills, where headers are sent.

#[path = "../common/mod.rs"]
mod common;

mod environment;
mod refused;
mod strict;
mod targets;
