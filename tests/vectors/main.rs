//! The rows of `tests/vectors/*.json`, each through the public API. Their format: `tests/vectors/README.md`.

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
