//! `SentryPropagator`: how it reads headers and what it writes for a context.

#[path = "../common/mod.rs"]
mod common;

mod beside_w3c;
mod carriers;
mod destinations;
mod frozen;
#[cfg(feature = "sdk")]
mod head;
mod own_baggage;
mod refused;
mod traceparent_alone;
mod tracestate;
mod untouched;
