//! `sentry-trace`, `traceparent`, `baggage`, and the Dynamic Sampling Context (DSC): `dsc` reads
//! one, `head` composes one.

pub(crate) mod baggage;
pub(crate) mod dsc;
pub(crate) mod dsc_key;
pub(crate) mod head;
pub(crate) mod outgoing_baggage;
pub(crate) mod sentry_trace;
pub(crate) mod traceparent;
