//! The way into Sentry: span exporters for its OTLP endpoint, or for a Collector before it.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use opentelemetry_otlp::{
    ExporterBuildError, HttpExporterBuilderSet, Protocol, SpanExporter, SpanExporterBuilder,
    WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as ExportSpans};
use opentelemetry_sdk::Resource;

use crate::settings::dsn::SENTRY_AUTH_HEADER;
use crate::settings::sentry::Sentry;
use crate::tracestate::list::{has_ours, without_ours};

impl Sentry {
    /// An exporter that sends spans to the DSN's project in Sentry
    /// ([OTLP Integration](https://develop.sentry.dev/sdk/telemetry/traces/otlp/)).
    ///
    /// It sends protobuf over HTTP, with a blocking client, as the SDK's batch processor needs it,
    /// which keeps the exporter's own requests out of every trace. The sampler drops those to Sentry.
    /// OTel's variables for timeout, compression and more headers hold, those for endpoint and
    /// protocol do not.
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
    /// - `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=soon` - a bad variable of the exporter's own
    pub fn span_exporter(&self) -> Result<SpanExporter, ExporterBuildError> {
        self.span_exporter_builder()?.build()
    }

    /// The builder of [`span_exporter`](Self::span_exporter), for a client, a timeout or a
    /// compression of one's own.
    ///
    /// ```
    /// use opentelemetry_otlp::{Compression, WithHttpConfig};
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").build()?;
    /// let exporter = sentry.span_exporter_builder()?.with_compression(Compression::Gzip).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - `Sentry::builder().build()` - settings without a DSN
    pub fn span_exporter_builder(
        &self,
    ) -> Result<SpanExporterBuilder<HttpExporterBuilderSet>, ExporterBuildError> {
        let dsn = self.dsn().ok_or_else(|| invalid("dsn: not set; Sentry is found by it"))?;
        let auth = HashMap::from([(SENTRY_AUTH_HEADER.to_owned(), dsn.auth_header())]);
        Ok(builder(&dsn.otlp_traces_endpoint()).with_headers(auth))
    }

    /// An exporter that sends spans to a Collector, which sends them on to Sentry.
    ///
    /// The URL is taken as it is, path included: `http://localhost:4318/v1/traces` for a Collector
    /// with its usual settings. Nothing of the DSN goes there: the Collector has its own.
    ///
    /// # Errors
    ///
    /// - `""`, `"not a URL"` - no URL
    /// - `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=soon` - a bad variable of the exporter's own
    pub fn span_exporter_to(
        &self,
        collector_url: &str,
    ) -> Result<SpanExporter, ExporterBuildError> {
        if collector_url.is_empty() {
            return Err(invalid("collector_url: empty"));
        }
        builder(collector_url).build()
    }
}

fn builder(endpoint: &str) -> SpanExporterBuilder<HttpExporterBuilderSet> {
    SpanExporter::builder().with_http().with_endpoint(endpoint).with_protocol(Protocol::HttpBinary)
}

fn invalid(sentence: &str) -> ExporterBuildError {
    ExporterBuildError::InvalidConfiguration(sentence.to_owned())
}

/// An exporter around another one, whose spans say nothing of ours in their trace states, for
/// backends that should not have it. OTel's `ot` member stays, by which Sentry weighs each span,
/// and so do those of other parties.
///
/// The trace states of a span's links are cleaned, too.
///
/// ```
/// use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
/// use opentelemetry_sentry::CleanSpanExporter;
///
/// let exporter = CleanSpanExporter::new(InMemorySpanExporter::default());
/// let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
/// ```
#[derive(Clone, Debug)]
pub struct CleanSpanExporter<E> {
    inner: E,
}

impl<E> CleanSpanExporter<E> {
    /// Wraps the exporter that sends the spans.
    pub fn new(inner: E) -> Self {
        CleanSpanExporter { inner }
    }
}

impl<E: ExportSpans> ExportSpans for CleanSpanExporter<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in &mut batch {
            clean(&mut span.span_context);
            for link in &mut span.links.links {
                clean(&mut link.span_context);
            }
        }
        self.inner.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn clean(span_context: &mut SpanContext) {
    if has_ours(span_context.trace_state()) {
        *span_context = without_ours(span_context);
    }
}
