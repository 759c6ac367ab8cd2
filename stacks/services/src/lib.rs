//! Tests the code blocks of those pages in `docs/` that need this package's dependencies.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/getting_started.md")]
pub mod getting_started {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tracing.md")]
pub mod tracing {}
