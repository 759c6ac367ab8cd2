//! An OpenTelemetry plugin through which any OTel-instrumented Rust app joins
//! [Sentry](https://sentry.io) distributed traces.
//!
//! `sentry-trace` is mapped onto [`SpanContext`], Sentry's part of `baggage`, the
//! [`DynamicSamplingContext`], onto [`TraceState`]. So a trace survives whatever OTel does with a
//! span context: child spans recorded or not, the no-op tracer, another thread, `tracing`.
//!
//! ```
//! use opentelemetry::global;
//! use opentelemetry_sentry::Sentry;
//!
//! let sentry = Sentry::builder()
//!     .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
//!     .release("shop@1.2.3")
//!     .traces_sample_rate(0.2)
//!     .build()?;
//! global::set_text_map_propagator(sentry.propagator());
//! # #[cfg(feature = "sdk")] {
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! global::set_tracer_provider(
//!     SdkTracerProvider::builder().with_sampler(sentry.sampler()).build(),
//! );
//! # }
//! # Ok::<(), opentelemetry_sentry::ConfigError>(())
//! ```
//!
//! # What is here
//!
//! - [`Sentry`]: the settings; from them come [`SentryPropagator`] and `SentrySampler`.
//! - [`SentryPropagator::wrap`]: Sentry's headers beside W3C's and OTel's baggage.
//! - [`continue_trace`], [`trace_data`], [`start_new_trace`]: custom instrumentation, over any
//!   channel that [`TraceData`] has a form for.
//! - [`OutgoingUrlExt`]: tells the propagator where a request goes, for the targets.
//! - [`SentryTrace`], [`DynamicSamplingContext`], [`Dsn`], [`SampleRate`], [`PropagationTargets`]:
//!   the nouns, for use of their own.
//!
//! # What is not
//!
//! Nothing is sent to Sentry by itself. Spans and logs leave through the OTLP exporters that you
//! register, or that `Sentry::install` does; errors are the `sentry` crate's, whose events the
//! feature `sentry` puts into the trace. There is no global state but OTel's, and no `unsafe`.
//!
//! # Crate features
//!
//! - **sdk** (default): `SentrySampler` and `SentrySpanExporter`, for opentelemetry_sdk.
//! - **internal-logs** (default): the crate's warnings as `tracing` events, each at most once for
//!   one `Sentry`.
//! - **http**: `HeaderMapExtractor`, `inject_request`, and `MergingInjector`, a carrier that keeps the
//!   `baggage` a request already has.
//! - **otlp**: `Sentry::install`, `Sentry::span_exporter` and `Sentry::log_exporter`, which send
//!   spans and logs to Sentry, with an HTTP client and TLS.
//! - **otlp-request**: `Sentry::span_buffer`, which makes the requests that take spans to Sentry, for
//!   programs that send them by themselves: workers, functions, WebAssembly.
//! - **regex**: regular expressions as trace propagation targets.
//! - **reqwest**: `ClientLayer` around `reqwest::Client` 0.13 as it is.
//! - **sentry**: `OpenTelemetryIntegration`, which puts the `sentry` crate's events, logs and metrics
//!   into the OTel trace. For `sentry` 0.49, which needs Rust 1.89.
//! - **tower**: `ClientLayer`, spans and trace headers for HTTP clients.
//!
//! [`SpanContext`]: opentelemetry::trace::SpanContext
//! [`TraceState`]: opentelemetry::trace::TraceState

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(test, allow(clippy::indexing_slicing))]
// Without the sampler, some of what it stands on is idle.
#![cfg_attr(not(feature = "sdk"), allow(dead_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Folders are floors: each imports only from itself and from those above it in this list.

// Bytes.
mod text;
// Numbers.
mod sampling;
// Formats.
mod wire;
// Policy.
mod settings;
// The bridge to `TraceState`.
mod tracestate;
// The plugs.
mod propagator;
#[cfg(feature = "sdk")]
mod sampler;
// Channels.
mod carrier;
#[cfg(feature = "http")]
mod http_client;
// The way into Sentry.
mod into_sentry;
// Custom instrumentation.
mod trace_api;

pub use crate::carrier::message::{MessageExtractor, MessageInjector};
pub use crate::carrier::trace_data::TraceData;
#[cfg(feature = "tower")]
pub use crate::http_client::client_layer::{ClientFuture, ClientLayer, ClientService};
#[cfg(feature = "http")]
pub use crate::http_client::header;
#[cfg(feature = "http")]
pub use crate::http_client::header_map_extractor::HeaderMapExtractor;
#[cfg(feature = "http")]
pub use crate::http_client::inject_request::{inject_headers, inject_request};
#[cfg(feature = "http")]
pub use crate::http_client::merging_injector::MergingInjector;
#[cfg(feature = "otlp-request")]
pub use crate::into_sentry::export_request::{ExportRequest, SpanBuffer};
#[cfg(feature = "otlp")]
pub use crate::into_sentry::install::{InstallBuilder, InstallError, InstallGuard};
#[cfg(feature = "sentry")]
pub use crate::into_sentry::integration::OpenTelemetryIntegration;
#[cfg(feature = "otlp")]
pub use crate::into_sentry::logs::SentryLogExporter;
#[cfg(feature = "sdk")]
pub use crate::into_sentry::span_exporter::SentrySpanExporter;
pub use crate::propagator::continue_decision::ContinueDecision;
pub use crate::propagator::sentry_propagator::SentryPropagator;
pub use crate::propagator::wrapped::WrappedPropagator;
#[cfg(feature = "sdk")]
pub use crate::sampler::sentry_sampler::SentrySampler;
#[cfg(feature = "sdk")]
pub use crate::sampler::wrapped::WrappedSampler;
pub use crate::sampling::rate::{InvalidSampleRate, SampleRate};
pub use crate::settings::builder::SentryBuilder;
pub use crate::settings::dsn::{Dsn, InvalidDsn, SENTRY_AUTH_HEADER};
pub use crate::settings::sentry::Sentry;
pub use crate::settings::setting::ConfigError;
pub use crate::settings::target::Target;
pub use crate::settings::targets::{OutgoingUrlExt, PropagationTargets};
pub use crate::settings::traces_sampler::SamplingContext;
pub use crate::trace_api::{continue_trace, start_new_trace, trace_data};
pub use crate::wire::baggage::BAGGAGE_HEADER;
pub use crate::wire::dsc::DynamicSamplingContext;
pub use crate::wire::sentry_trace::{InvalidSentryTrace, SentryTrace, SENTRY_TRACE_HEADER};
pub use crate::wire::traceparent::TRACEPARENT_HEADER;

/// The pages of `docs/`, so that every block in them is a test.
///
/// What links to another page begins with `rustdoc_links.txt`: a link's first definition counts, so
/// that it leads to a module here, and to a file in the repository.
#[cfg(all(any(doc, doctest), feature = "sdk"))]
pub mod _documentation {
    #[doc = include_str!("../docs/cloudflare_workers.md")]
    pub mod cloudflare_workers {}
    #[doc = include_str!("../docs/composition.md")]
    pub mod composition {}
    #[doc = include_str!("../docs/cors.md")]
    pub mod cors {}
    #[doc = include_str!("../docs/custom_instrumentation.md")]
    pub mod custom_instrumentation {}
    // `stacks/services` tests the code of this page, and of `tracing`: it has the dependencies.
    #[cfg(all(not(doctest), feature = "http", feature = "otlp"))]
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/getting_started.md")]
    pub mod getting_started {}
    // The page's link to its picture leads nowhere here.
    #[doc = "<style>img[src^='images/'] { display: none }</style>"]
    #[doc = include_str!("../docs/images/how_it_works.svg")]
    #[doc = ""]
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/how_it_works.md")]
    pub mod how_it_works {}
    #[doc = include_str!("../docs/interop.md")]
    pub mod interop {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/migrating.md")]
    pub mod migrating {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/otlp.md")]
    pub mod otlp {}
    #[doc = include_str!("../docs/performance.md")]
    pub mod performance {}
    // `stacks` tests the code of this page: it has the frameworks.
    #[cfg(not(doctest))]
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/recipes.md")]
    pub mod recipes {}
    #[doc = include_str!("../docs/reliability.md")]
    pub mod reliability {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/sampling.md")]
    pub mod sampling {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/stacks.md")]
    pub mod stacks {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/targets_and_privacy.md")]
    pub mod targets_and_privacy {}
    #[cfg(all(not(doctest), feature = "http", feature = "otlp"))]
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/tracing.md")]
    pub mod tracing {}
    #[doc = include_str!("../docs/rustdoc_links.txt")]
    #[doc = include_str!("../docs/troubleshooting.md")]
    pub mod troubleshooting {}
    #[cfg(all(doctest, feature = "http", feature = "otlp"))]
    #[doc = include_str!("../README.md")]
    pub mod readme {}
}
