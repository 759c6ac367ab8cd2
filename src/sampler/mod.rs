//! The sampler plug.

pub(crate) mod sentry_sampler;
mod span_attributes;
