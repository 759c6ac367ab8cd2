//! What arrived with a trace is sent on, whatever carries it inside the service.

#[path = "../common/mod.rs"]
mod common;

mod carriers;
mod room;
mod w3c;
