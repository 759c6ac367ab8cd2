//! Extract, inject, and both beside another propagator.

mod captured_headers;
pub(crate) mod context;
pub(crate) mod continue_decision;
mod extract;
mod filtered_extractor;
mod inject;
pub(crate) mod sentry_propagator;
pub(crate) mod wrapped;
