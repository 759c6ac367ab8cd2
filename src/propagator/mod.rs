//! Extract, inject, and both combined with another propagator (`wrapped`).
//!
//! In: `extract` reads the headers, and gives a remote parent with our `tracestate` member on it.
//! Out: `inject` reads that member from the span, and gives the headers.

mod captured_headers;
pub(crate) mod context;
pub(crate) mod continue_decision;
mod extract;
mod filtered_extractor;
mod inject;
pub(crate) mod sentry_propagator;
pub(crate) mod wrapped;
