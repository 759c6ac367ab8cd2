//! Sends OTel's log records to Sentry.

use std::fmt;
use std::time::Duration;

use opentelemetry::logs::{LogRecord, Severity};
use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter as OtlpLogExporter, Protocol, WithExportConfig, WithHttpConfig,
    OTEL_EXPORTER_OTLP_LOGS_TIMEOUT,
};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::Resource;

use crate::into_sentry::http_client::blocking_client;
use crate::into_sentry::otlp::{auth, dsn};
use crate::into_sentry::span_exporter::ServiceAttributes;
use crate::settings::sentry::Sentry;

impl Sentry {
    /// An exporter that sends log records to the DSN's project in Sentry, with the attributes that
    /// Sentry reads ([`SentryLogExporter`]).
    ///
    /// A record emitted under an active span has its trace id and span id. Client, timeouts and
    /// variables are as for [`span_exporter`](Self::span_exporter), with `LOGS` in the names.
    ///
    /// ```no_run
    /// use opentelemetry_sdk::logs::SdkLoggerProvider;
    /// use opentelemetry_sdk::Resource;
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::from_env()?;
    /// let resource = Resource::builder().with_attributes(sentry.resource_attributes()).build();
    /// let provider = SdkLoggerProvider::builder()
    ///     .with_resource(resource)
    ///     .with_batch_exporter(sentry.log_exporter()?)
    ///     .build();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`span_exporter`](Self::span_exporter).
    pub fn log_exporter(&self) -> Result<SentryLogExporter<OtlpLogExporter>, ExporterBuildError> {
        let dsn = dsn(self)?;
        let exporter = OtlpLogExporter::builder()
            .with_http()
            .with_http_client(blocking_client(OTEL_EXPORTER_OTLP_LOGS_TIMEOUT)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(dsn.otlp_logs_endpoint())
            .with_headers(auth(dsn))
            .build()?;
        Ok(SentryLogExporter::new(self, exporter))
    }
}

/// Wraps an exporter, and adds to each log record the attributes that Sentry reads:
/// `sentry.release`, `sentry.environment`, `sentry.sdk.name` and `sentry.sdk.version`.
///
/// A record's own attributes stay. As with [`SentrySpanExporter`](crate::SentrySpanExporter), this
/// runs where the inner exporter does.
///
/// Guide: [Logs](crate::_documentation::otlp#logs).
#[derive(Clone)]
pub struct SentryLogExporter<E> {
    inner: E,
    service: ServiceAttributes,
}

impl<E> SentryLogExporter<E> {
    /// Wraps the exporter that sends the records.
    pub fn new(sentry: &Sentry, inner: E) -> Self {
        SentryLogExporter { inner, service: ServiceAttributes::new(sentry) }
    }

    fn completed(&self, record: &SdkLogRecord) -> SdkLogRecord {
        let has = |name: &str| record.attributes_iter().any(|(key, _)| key.as_str() == name);
        let mut completed = record.clone();
        completed.add_attributes(self.service.missing(has));
        completed
    }
}

/// Omits the inner exporter: its headers contain the DSN's key.
impl<E> fmt::Debug for SentryLogExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentryLogExporter").field("service", &self.service).finish_non_exhaustive()
    }
}

impl<E: LogExporter> LogExporter for SentryLogExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let completed: Vec<(SdkLogRecord, &InstrumentationScope)> =
            batch.iter().map(|(record, scope)| (self.completed(record), scope)).collect();
        let batch: Vec<(&SdkLogRecord, &InstrumentationScope)> =
            completed.iter().map(|(record, scope)| (record, *scope)).collect();
        self.inner.export(LogBatch::new(&batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.service.set_resource(resource);
        self.inner.set_resource(resource);
    }
}
