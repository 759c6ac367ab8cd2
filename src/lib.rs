//! An OpenTelemetry plugin that joins any OTel-instrumented Rust app to
//! [Sentry](https://sentry.io) distributed traces, without a Sentry SDK.
//!
//! A propagator maps `sentry-trace` onto [`SpanContext`], and Sentry's part of `baggage`, the
//! [Dynamic Sampling Context](DynamicSamplingContext), onto [`TraceState`]. A sampler follows the
//! caller's decision. So a trace survives whatever OTel does with a span context: dropped spans, the
//! no-op tracer, another thread, `tracing`.
//!
//! ```
//! # #[cfg(feature = "sdk")] {
//! use opentelemetry::global;
//! use opentelemetry_sdk::propagation::TraceContextPropagator;
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use opentelemetry_sentry::Sentry;
//!
//! let sentry = Sentry::builder()
//!     .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
//!     .release("shop@1.2.3")
//!     .traces_sample_rate(0.2)
//!     .build()?;
//! // `sentry-trace` and `baggage`, and W3C's `traceparent` beside them.
//! global::set_text_map_propagator(sentry.propagator().wrap(TraceContextPropagator::new()));
//! // Samples as the caller did; traces that start here, by the rate.
//! let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
//! global::set_tracer_provider(provider);
//! # }
//! # Ok::<(), opentelemetry_sentry::ConfigError>(())
//! ```
//!
//! # What is here
//!
//! | item | for |
//! | --- | --- |
//! | [`Sentry`] | the settings: [`builder`](Sentry::builder), or [`from_env`](Sentry::from_env) |
//! | [`SentryPropagator`] | Sentry's headers; [`wrap`](SentryPropagator::wrap) adds W3C's and OTel's |
//! | [`SentrySampler`] | one decision for each trace |
//! | [`Sentry::install`] | both, and an exporter to Sentry, in one call |
//! | [`SentrySpanExporter`] | what Sentry reads of each exported span |
//! | [`OpenTelemetryIntegration`] | errors of the `sentry` crate in the same trace |
//! | [`inject_request`], [`ClientLayer`] | HTTP clients |
//! | [`continue_trace`], [`trace_data`], [`start_new_trace`] | queues, processes, pages: any channel of [`TraceData`] |
//! | [`OutgoingUrlExt`] | tells the propagator the URL, for the [targets](Target) |
//! | [`SentryTrace`], [`DynamicSamplingContext`], [`Dsn`], [`SampleRate`] | standalone parsers and value types |
//!
//! # Guides
//!
//! | guide | for |
//! | --- | --- |
//! | [Getting started](_documentation::getting_started) | axum, `tracing`, OTLP and a Vue page: one trace |
//! | [How it works](_documentation::how_it_works) | headers, span context, headers again: a picture |
//! | [Sampling](_documentation::sampling) | who decides, a worked example, recipes for `traces_sampler` |
//! | [Targets and privacy](_documentation::targets_and_privacy) | which hosts get headers, and what these reveal |
//! | [Composition](_documentation::composition) | beside W3C and OTel baggage: the choice and five rules ([case by case](_documentation::composition_matrix)) |
//! | [Into Sentry by OTLP](_documentation::otlp) | spans, errors and logs, direct or through a Collector |
//! | [With `tracing`](_documentation::tracing) | axum and reqwest |
//! | [Framework by framework](_documentation::stacks) | axum, actix-web, tonic, hyper, reqwest |
//! | [Custom instrumentation](_documentation::custom_instrumentation) | every other channel, and how to turn it off |
//! | [Recipes](_documentation::recipes) | health checks, forced sampling, load balancers, WebSockets, production |
//! | [CORS, proxies and firewalls](_documentation::cors) | what must let the headers pass |
//! | [Cloudflare workers](_documentation::cloudflare_workers) | WebAssembly, functions, short-lived programs, Rust versions |
//! | [Moving from sentry-opentelemetry](_documentation::migrating) | what replaces what |
//! | [Troubleshooting](_documentation::troubleshooting) | by symptom |
//! | [Interoperation](_documentation::interop) | beside real Sentry SDKs, as measured |
//! | [Performance](_documentation::performance), [Reliability](_documentation::reliability) | for evaluators |
//!
//! # Out of scope
//!
//! The crate sends nothing by itself. Spans and logs leave through OTLP exporters that you register,
//! or [`Sentry::install`] does. It has no global state beside OTel's, and no `unsafe`.
//!
//! # Crate features
//!
//! - **sdk** (default): [`SentrySampler`] and [`SentrySpanExporter`], for opentelemetry_sdk.
//! - **internal-logs** (default): the crate's warnings as `tracing` events, each at most once for
//!   one [`Sentry`].
//! - **http**: [`HeaderMapExtractor`], [`inject_request`], and [`MergingInjector`], a carrier that
//!   keeps the `baggage` a request already has.
//! - **otlp**: [`Sentry::install`], [`Sentry::span_exporter`] and [`Sentry::log_exporter`], which
//!   send spans and logs to Sentry, with an HTTP client and TLS.
//! - **otlp-request**: [`Sentry::span_buffer`], which makes the requests that take spans to Sentry,
//!   for programs that send them by themselves: workers, functions, WebAssembly.
//! - **regex**: regular expressions as trace propagation targets.
//! - **reqwest**: [`ClientLayer`] around `reqwest::Client` 0.13.
//! - **sentry**: [`OpenTelemetryIntegration`], for `sentry` 0.49, which needs Rust 1.89.
//! - **tower**: [`ClientLayer`], spans and trace headers for HTTP clients.
//!
//! [`SpanContext`]: https://docs.rs/opentelemetry/0.33/opentelemetry/trace/struct.SpanContext.html
//! [`TraceState`]: https://docs.rs/opentelemetry/0.33/opentelemetry/trace/struct.TraceState.html

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(test, allow(clippy::indexing_slicing))]
// Without the sampler, some of the code below it is unused.
#![cfg_attr(not(feature = "sdk"), allow(dead_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation is built with all features; with fewer, what it links to is missing.
#![cfg_attr(
    not(all(feature = "otlp", feature = "otlp-request", feature = "reqwest", feature = "sentry")),
    allow(rustdoc::broken_intra_doc_links)
)]

// In order: a folder imports only from itself and from those above it in this list.

// Hexadecimal digits, character classes, the parts of a URL.
mod text;
// Rates, thresholds, `sample_rand`, a trace's randomness: only arithmetic.
mod sampling;
// The headers' formats: `sentry-trace`, `traceparent`, `baggage` and its limits, the DSC's keys and
// members, and the order of a DSC made here (`head`).
mod wire;
// Options, the DSN, propagation targets (which URL is denied: `destination`), the user's callbacks,
// warnings.
mod settings;
// The `sentry` member, such as `c..;T;S` (letters: `status` and `entries`), what is dropped for room
// (`member_text`). OTel's `ot` member: `th` and `rv`.
mod tracestate;
// Extract (which of two traces is continued, the organizations compared, another trace's DSC
// dropped), inject, `wrap`.
mod propagator;
// What the sampler decides for a new span, and writes into its `tracestate`.
#[cfg(feature = "sdk")]
mod sampler;
// Trace headers in environment variables, messages, HTML, `Server-Timing`.
mod carrier;
// HTTP clients: one request, a tower layer, a carrier that merges `baggage`.
#[cfg(feature = "http")]
mod http_client;
// Exporters, `install`, the `sentry` crate's events.
mod into_sentry;
// Traces without a tracer: `continue_trace`, `start_new_trace`, `trace_data`.
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
pub use crate::sampler::wrapped_sampler::WrappedSampler;
pub use crate::sampling::rate::{InvalidSampleRate, SampleRate};
pub use crate::settings::builder::SentryBuilder;
pub use crate::settings::config_error::ConfigError;
pub use crate::settings::destination::OutgoingUrlExt;
pub use crate::settings::dsn::{Dsn, InvalidDsn, SENTRY_AUTH_HEADER};
pub use crate::settings::sentry::Sentry;
pub use crate::settings::target::Target;
pub use crate::settings::targets::PropagationTargets;
pub use crate::settings::traces_sampler::SamplingContext;
pub use crate::trace_api::{continue_trace, start_new_trace, trace_data};
pub use crate::wire::baggage::BAGGAGE_HEADER;
pub use crate::wire::dsc::DynamicSamplingContext;
pub use crate::wire::sentry_trace::{InvalidSentryTrace, SentryTrace, SENTRY_TRACE_HEADER};
pub use crate::wire::traceparent::TRACEPARENT_HEADER;

/// The guides: the pages of `docs/`.
// Each block in them is a test. A link's first definition counts, so with `rustdoc_links.txt` before a
// page its links lead to a module here, and to a file in the repository.
#[cfg(all(any(doc, doctest), feature = "sdk"))]
pub mod _documentation {
    macro_rules! pages {
        ($($(#[$attribute:meta])* $name:ident)*) => {$(
            $(#[$attribute])*
            #[doc = ""]
            #[doc = include_str!("../docs/rustdoc_links.txt")]
            #[doc = include_str!(concat!("../docs/", stringify!($name), ".md"))]
            pub mod $name {}
        )*};
    }
    pages! {
        /// WebAssembly, functions and short-lived programs, and the oldest Rust of each feature.
        cloudflare_workers
        /// Which propagator to register beside W3C and OTel baggage, and five rules.
        composition
        /// Every composition of propagators in every situation: an appendix.
        composition_matrix
        /// What a browser, a proxy or a firewall must let pass.
        cors
        /// Queues, processes, pages and other channels, by hand.
        custom_instrumentation
        // `stacks/services` tests the code of this page, and of `tracing`: it has the dependencies.
        /// An axum service, a Vue page and Sentry: one trace.
        #[cfg(all(not(doctest), feature = "http", feature = "otlp"))]
        getting_started
        /// From headers to a span context and back: a picture.
        ///
        // The page's link to its picture leads nowhere here.
        #[doc = "<style>p:has(> img[src^='images/']) { display: none }</style>"]
        #[doc = include_str!("../docs/images/how_it_works.svg")]
        how_it_works
        /// Beside real Sentry SDKs, as measured.
        interop
        /// What replaces what, for users of sentry-opentelemetry.
        migrating
        /// Spans, errors and logs into Sentry, directly or through a Collector.
        otlp
        /// What each operation costs, for maintainers and evaluators.
        performance
        // `stacks` tests the code of this page: it has the frameworks.
        /// Short answers: load balancers, health checks, WebSockets, AWS Lambda, production.
        #[cfg(not(doctest))]
        recipes
        /// How the crate is tested, for maintainers and evaluators.
        reliability
        /// Who decides, a worked example, and recipes for `traces_sampler`.
        sampling
        /// axum, actix-web, tonic, hyper and reqwest.
        stacks
        /// Which hosts get trace headers, and what these reveal.
        targets_and_privacy
        /// axum and reqwest with `tracing`: what works, and what does not.
        #[cfg(all(not(doctest), feature = "http", feature = "otlp"))]
        tracing
        /// By symptom: two traces, missing spans, missing baggage, CORS errors.
        troubleshooting
    }
    #[cfg(all(doctest, feature = "http", feature = "otlp"))]
    #[doc = include_str!("../README.md")]
    pub mod readme {}
}
