//! Every channel that carries a trace: processes, pages, responses, messages.

#[path = "../common/mod.rs"]
mod common;

mod environment;
#[cfg(feature = "http")]
mod header_map;
mod html;
mod message;
mod server_timing;
mod trace_data;
