//! The ids that requests arrive with, and the DSN of the service that receives them.
#![allow(dead_code)] // Each suite uses only part of it.

pub(crate) const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42";
pub(crate) const PUBLIC_KEY: &str = "49d0f7386ad645858ae85020e393bef3";

/// Its low 56 bits are 21.4 % of 2^56, so the trace is sampled at rates from 0.785812 up.
pub(crate) const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
pub(crate) const SAMPLE_RAND: &str = "0.785811";
pub(crate) const SPAN_ID: &str = "7dd6b3a1fb4d9c2a";
/// The ids in the rows of `tests/vectors/`. Elsewhere these are the ids of a second trace.
pub(crate) const OTHER_TRACE_ID: &str = "12312012123120121231201212312012";
pub(crate) const OTHER_SPAN_ID: &str = "1121201211212012";
