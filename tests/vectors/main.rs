//! Runs the rows of `tests/vectors/*.json` through the public API. `tests/vectors/README.md`
//! describes their format.

#[path = "../common/mod.rs"]
mod common;

mod baggage;
#[cfg(feature = "sdk")]
mod captured_heads;
mod lines;
#[cfg(feature = "sdk")]
mod sampling;
mod sentry_trace;
mod text;
