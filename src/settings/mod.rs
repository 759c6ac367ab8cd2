//! The options, the DSN, the targets, the user's functions, the warnings.

mod address;
pub(crate) mod build;
pub(crate) mod builder;
pub(crate) mod callback;
pub(crate) mod destination;
pub(crate) mod dsn;
pub(crate) mod sentry;
pub(crate) mod setting;
pub(crate) mod target;
pub(crate) mod targets;
pub(crate) mod traces_sampler;
pub(crate) mod warning;
