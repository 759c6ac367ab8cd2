//! The sampler: what it decides for a new span, and what it writes into its `tracestate`.

mod decider;
mod new_span;
pub(crate) mod sentry_sampler;
mod span_attributes;
pub(crate) mod wrapped_sampler;
