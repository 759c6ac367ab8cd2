//! Any propagator inside `wrap`: what it sees of a request, and what happens to what it writes.

#[path = "../composition/call.rs"]
mod call;
#[path = "../composition/data.rs"]
mod data;
#[path = "../common/ids.rs"]
mod ids;
#[path = "../composition/lists.rs"]
mod lists;

pub(crate) mod inner;

mod baggage;
mod garbage;
mod outgoing;
mod preference;
mod refused;
mod tracestate;
mod view;
