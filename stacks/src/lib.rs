//! Shared by the examples: a caller that sends Sentry's headers, the next service, and the proof
//! that all of them share one trace and one decision.

mod caller;
mod check;
mod grpc;
mod next;
mod proof;
mod row;
mod seen;
mod stack;
mod telemetry;

pub use proof::{demonstrate, prove};
pub use stack::{Error, Protocol, Setup, Stack};
pub use telemetry::Telemetry;

/// Tests the code blocks of a page that needs this package's dependencies.
#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes.md")]
pub mod recipes {}
