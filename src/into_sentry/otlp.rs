//! Span exporters over OTLP: to Sentry, or to a Collector in front of it.

use std::collections::HashMap;

use opentelemetry_otlp::{
    ExporterBuildError, HttpExporterBuilderSet, Protocol, SpanExporter, SpanExporterBuilder,
    WithExportConfig, WithHttpConfig, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
};

use crate::into_sentry::http_client::blocking_client;
use crate::into_sentry::span_exporter::SentrySpanExporter;
use crate::settings::dsn::{Dsn, SENTRY_AUTH_HEADER};
use crate::settings::sentry::Sentry;
use crate::text::url::Url;

impl Sentry {
    /// An exporter that sends spans to the DSN's project in Sentry
    /// ([OTLP Integration](https://develop.sentry.dev/sdk/telemetry/traces/otlp/)), with the attributes
    /// that Sentry reads ([`SentrySpanExporter`]).
    ///
    /// It sends protobuf over HTTP with its own blocking client, which needs no runtime and does
    /// not depend on the features of `opentelemetry-otlp` that other crates turn on. Use it with
    /// the SDK's batch processor, whose thread suppresses tracing. The sampler also drops spans for
    /// requests to Sentry. OTel's variables for timeout, compression and headers apply; those for
    /// endpoint and protocol do not.
    ///
    /// ```no_run
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    /// use opentelemetry_sdk::Resource;
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::from_env()?;
    /// let resource = Resource::builder().with_attributes(sentry.resource_attributes()).build();
    /// let provider = SdkTracerProvider::builder()
    ///     .with_sampler(sentry.sampler())
    ///     .with_resource(resource)
    ///     .with_batch_exporter(sentry.span_exporter()?)
    ///     .build();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `Sentry::builder().build()` - settings without a DSN
    /// - a system without TLS roots, or that starts no thread - no HTTP client can be made
    ///
    /// Guide: [By hand](crate::_documentation::otlp#by-hand).
    pub fn span_exporter(&self) -> Result<SentrySpanExporter<SpanExporter>, ExporterBuildError> {
        Ok(SentrySpanExporter::new(self, self.span_exporter_builder()?.build()?))
    }

    /// The builder of the OTLP exporter inside [`span_exporter`](Self::span_exporter), for
    /// compression, more headers or your own client.
    ///
    /// Its client ends each request after `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT` or
    /// `OTEL_EXPORTER_OTLP_TIMEOUT` milliseconds, else 10 seconds. The builder's `with_timeout`
    /// limits only retries.
    ///
    /// ```
    /// use opentelemetry_otlp::{Compression, WithHttpConfig};
    /// use opentelemetry_sentry::{Sentry, SentrySpanExporter};
    ///
    /// let sentry = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").build()?;
    /// let exporter = sentry.span_exporter_builder()?.with_compression(Compression::Gzip).build()?;
    /// let exporter = SentrySpanExporter::new(&sentry, exporter);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`span_exporter`](Self::span_exporter).
    pub fn span_exporter_builder(
        &self,
    ) -> Result<SpanExporterBuilder<HttpExporterBuilderSet>, ExporterBuildError> {
        let dsn = dsn(self)?;
        Ok(builder()?.with_endpoint(dsn.otlp_traces_endpoint()).with_headers(auth(dsn)))
    }

    /// An exporter that sends spans to a Collector, which forwards them to Sentry. Apart from the
    /// destination it is like [`span_exporter`](Self::span_exporter).
    ///
    /// The URL is used unchanged, path included: `http://localhost:4318/v1/traces` for a Collector
    /// with default settings. The DSN's key is not sent there: the Collector has its own.
    ///
    /// # Errors
    ///
    /// - `""`, `"localhost:4318"` - not an `http://` or `https://` URL
    /// - a system without TLS roots, or that starts no thread - no HTTP client can be made
    pub fn span_exporter_to(
        &self,
        collector_url: &str,
    ) -> Result<SentrySpanExporter<SpanExporter>, ExporterBuildError> {
        if !is_url(collector_url) {
            return Err(invalid("collector_url: not an http:// or https:// URL"));
        }
        Ok(SentrySpanExporter::new(self, builder()?.with_endpoint(collector_url).build()?))
    }
}

/// Checked here, because the exporter's own error repeats the URL, which may contain a password.
fn is_url(text: &str) -> bool {
    let is_http = text.starts_with("http://") || text.starts_with("https://");
    let is_uri = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    is_http && is_uri && Url::parse(text).is_some()
}

/// With a blocking client, and without an endpoint, which it would read from OTel's variables.
pub(crate) fn builder() -> Result<SpanExporterBuilder<HttpExporterBuilderSet>, ExporterBuildError> {
    Ok(SpanExporter::builder()
        .with_http()
        .with_http_client(blocking_client(OTEL_EXPORTER_OTLP_TRACES_TIMEOUT)?)
        .with_protocol(Protocol::HttpBinary))
}

pub(crate) fn dsn(sentry: &Sentry) -> Result<&Dsn, ExporterBuildError> {
    sentry.dsn().ok_or_else(|| invalid("dsn: not set"))
}

/// The header that authenticates the sender.
pub(crate) fn auth(dsn: &Dsn) -> HashMap<String, String> {
    HashMap::from([(SENTRY_AUTH_HEADER.to_owned(), dsn.auth_header())])
}

fn invalid(sentence: &str) -> ExporterBuildError {
    ExporterBuildError::InvalidConfiguration(sentence.to_owned())
}
