//! An OpenTelemetry plugin through which any OTel-instrumented Rust app joins
//! [Sentry](https://sentry.io) distributed traces.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(test, allow(clippy::indexing_slicing))]
// Without the sampler, some of what it stands on is idle.
#![cfg_attr(not(feature = "sdk"), allow(dead_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Floor 0: bytes, numbers, words.
mod ascii;
mod baggage;
mod dsn;
mod ot;
mod sampling;
mod sentry_trace;
#[cfg(feature = "sdk")]
mod span_attributes;
mod targets;
mod traceparent;
mod traces_sampler;
mod url;
mod warning;
// Floor 1: meaning.
mod builder;
mod config;
mod dsc;
mod head;
mod setting;
// Floor 2: the bridge between Sentry's words and OTel's.
mod incoming;
mod marks;
mod outgoing;
mod packing;
mod trace_state;
mod unpacking;
// Floor 3: the plugs.
mod propagator;
#[cfg(feature = "sdk")]
mod sampler;
// Floor 4: what stands on the plugs.
mod compose;
#[cfg(feature = "http")]
mod merging;

pub use crate::baggage::BAGGAGE_HEADER;
pub use crate::builder::SentryBuilder;
pub use crate::compose::WrappedPropagator;
pub use crate::config::Sentry;
pub use crate::dsc::DynamicSamplingContext;
pub use crate::dsn::{Dsn, InvalidDsn};
#[cfg(feature = "http")]
pub use crate::merging::MergingInjector;
pub use crate::propagator::SentryPropagator;
#[cfg(feature = "sdk")]
pub use crate::sampler::SentrySampler;
pub use crate::sampling::{InvalidSampleRate, SampleRate};
pub use crate::sentry_trace::{InvalidSentryTrace, SentryTrace, SENTRY_TRACE_HEADER};
pub use crate::setting::ConfigError;
pub use crate::targets::{OutgoingUrlExt, PropagationTargets, Target};
pub use crate::traceparent::TRACEPARENT_HEADER;
pub use crate::traces_sampler::SamplingContext;
