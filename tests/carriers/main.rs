//! Every channel that carries a trace: processes, pages, responses, messages.

#[path = "../common/mod.rs"]
mod common;

mod environment;
mod html;
mod message;
mod server_timing;
