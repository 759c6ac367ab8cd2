//! Channels other than HTTP: trace headers as data, and the forms that other channels carry.

pub(crate) mod ascii_line;
mod environment;
mod html;
pub(crate) mod message;
mod server_timing;
pub(crate) mod trace_data;
