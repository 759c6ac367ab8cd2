//! A Collector that runs a file of `docs/`, and a fake Sentry on loopback behind it.

mod collector;
mod page;
mod project;

pub use crate::collector::Collector;
pub use crate::page::assert_page;
pub use crate::project::{attribute, environment, release, weight};
pub use crate::project::{Project, Received};
