//! What must hold for any input. The fuzz targets and `tests/properties` run the same laws. Each
//! `check` takes bytes: a text, or choices for a grammar that generates deeper cases.
//!
//! [`reader`] is a second, slow and simple implementation of the specifications. It shares no code
//! with the library.
#![allow(dead_code)] // Each user needs only part of it.

pub(crate) mod baggage;
pub(crate) mod choices;
pub(crate) mod dsn;
pub(crate) mod environment;
pub(crate) mod forwarded;
#[path = "../common/ids.rs"]
pub(crate) mod ids;
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
