//! The headers that arrived with a trace are sent on, regardless of what carries it inside the
//! service.

#[path = "../common/mod.rs"]
mod common;

mod carriers;
mod room;
mod w3c;
