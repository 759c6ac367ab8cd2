//! `SentrySampler`, tested through the SDK and the headers of its spans.

#[path = "../common/mod.rs"]
mod common;

mod callback;
mod destinations;
mod foreign;
mod panics;
mod parents;
mod probability;
mod table;
mod transaction;
mod urls;
mod wrapped;
