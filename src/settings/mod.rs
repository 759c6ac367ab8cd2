//! The options, the DSN, the targets, the user's functions, the warnings.

mod address;
pub(crate) mod build;
pub(crate) mod builder;
pub(crate) mod callback;
pub(crate) mod config_error;
pub(crate) mod destination;
pub(crate) mod dsn;
pub(crate) mod sentry;
pub(crate) mod target;
pub(crate) mod targets;
pub(crate) mod traces_sampler;
mod variables;
pub(crate) mod warning;
