//! Every channel that carries a trace, from outside: processes, pages, responses, messages.

#[path = "../support_core/mod.rs"]
mod support_core;

mod environment;
mod html;
mod message;
mod server_timing;
