//! The sampler plug.

mod decider;
mod new_span;
pub(crate) mod sentry_sampler;
mod span_attributes;
pub(crate) mod wrapped;
