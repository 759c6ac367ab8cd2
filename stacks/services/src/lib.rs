//! The pages of `docs/` whose code needs these dependencies, so that it is tested.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/getting_started.md")]
pub mod getting_started {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tracing.md")]
pub mod tracing {}
