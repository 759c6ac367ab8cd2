//! `examples/relay.rs` over real sockets: what its upstream receives, by incoming headers and by
//! settings from the environment.

mod continued;
mod endpoints;
mod head;
#[path = "../common/ids.rs"]
mod ids;
mod service;
mod settings;
mod upstream;
