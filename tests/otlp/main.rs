//! Exporting to Sentry: endpoint, key and content of the spans.

mod destination;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp-request")]
mod request;
#[cfg(feature = "otlp")]
mod span_exporter;
#[cfg(feature = "otlp")]
mod three_services;

#[cfg(feature = "otlp")]
#[path = "../../examples/otlp_to_sentry/endpoint.rs"]
#[allow(dead_code)]
mod endpoint;
#[cfg(feature = "otlp")]
#[path = "../../examples/otlp_to_sentry/protobuf.rs"]
#[allow(dead_code)]
mod protobuf;

// The three services of the example. Parts of them are unused here.
#[cfg(feature = "otlp")]
#[path = "../../examples/distributed_trace/profile.rs"]
#[allow(dead_code)]
mod profile;
#[cfg(feature = "otlp")]
#[path = "../../examples/distributed_trace/requests.rs"]
#[allow(dead_code)]
mod requests;
#[cfg(feature = "otlp")]
#[path = "../../examples/distributed_trace/services.rs"]
#[allow(dead_code)]
mod services;
