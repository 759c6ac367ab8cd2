//! The propagator plug: extract, inject, and both beside another propagator.

pub(crate) mod continue_decision;
pub(crate) mod extract;
pub(crate) mod inject;
pub(crate) mod sentry_propagator;
pub(crate) mod wrapped;
