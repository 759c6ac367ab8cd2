//! The way into Sentry: exporters, and what the settings say of a service.

#[cfg(feature = "otlp-request")]
pub(crate) mod export_request;
#[cfg(feature = "otlp")]
pub(crate) mod exporter;
mod resource;
