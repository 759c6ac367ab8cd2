//! The way into Sentry, from outside: where spans go, by which key, and what they say.

mod otlp {
    mod endpoint;
    #[cfg(feature = "otlp")]
    mod exporter;
    #[cfg(feature = "otlp")]
    mod span_exporter;
    #[cfg(feature = "otlp")]
    mod three_services;
}

#[cfg(feature = "otlp")]
#[path = "../examples/otlp_to_sentry/endpoint.rs"]
#[allow(dead_code)]
mod endpoint;
#[cfg(feature = "otlp")]
#[path = "../examples/otlp_to_sentry/protobuf.rs"]
#[allow(dead_code)]
mod protobuf;

// The three services of the example, of which not everything is needed here.
#[cfg(feature = "otlp")]
#[path = "../examples/distributed_trace/profile.rs"]
#[allow(dead_code)]
mod profile;
#[cfg(feature = "otlp")]
#[path = "../examples/distributed_trace/requests.rs"]
#[allow(dead_code)]
mod requests;
#[cfg(feature = "otlp")]
#[path = "../examples/distributed_trace/services.rs"]
#[allow(dead_code)]
mod services;
