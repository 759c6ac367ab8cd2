//! What must hold for any input. The fuzz targets and `tests/properties.rs` run the same laws:
//! each `check` takes bytes, which are a text, or choices of a grammar that gets deeper.
//!
//! [`reader`] is a second reading of the specifications, slow and plain, that shares nothing with
//! the library.
#![allow(dead_code)] // Each user takes what it needs.

pub(crate) mod baggage;
pub(crate) mod choices;
pub(crate) mod dsn;
pub(crate) mod environment;
pub(crate) mod forwarded;
pub(crate) mod merging;
pub(crate) mod own;
pub(crate) mod probability;
pub(crate) mod reader;
pub(crate) mod request;
pub(crate) mod sentry_trace;
pub(crate) mod sound;
pub(crate) mod spans;
pub(crate) mod targets;
pub(crate) mod tracestate;
pub(crate) mod untouched;
mod urls;
pub(crate) mod w3c;
pub(crate) mod wrapped;
