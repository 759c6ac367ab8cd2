//! HTTP clients: trace headers for one request, a tower layer, a merging carrier.

#[cfg(feature = "tower")]
pub(crate) mod client_layer;
pub mod header;
pub(crate) mod header_map_extractor;
pub(crate) mod inject_request;
pub(crate) mod merging_injector;
pub(crate) mod outgoing_request;
