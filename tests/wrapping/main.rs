//! Any propagator inside `wrap`: the headers that it sees, and what happens to those that it
//! writes.

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
