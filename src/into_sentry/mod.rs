//! Exporters, `install`, and the link to the `sentry` crate's events.

#[cfg(feature = "otlp-request")]
pub(crate) mod export_request;
#[cfg(feature = "otlp")]
mod http_client;
#[cfg(feature = "otlp")]
pub(crate) mod install;
#[cfg(feature = "sentry")]
pub(crate) mod integration;
#[cfg(feature = "otlp")]
pub(crate) mod logs;
#[cfg(feature = "otlp")]
mod otlp;
mod resource;
#[cfg(feature = "sdk")]
pub(crate) mod span_exporter;
