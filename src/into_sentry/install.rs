//! All of it in one call: propagator, sampler, resource and exporter as OTel's globals.

use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::Resource;

use crate::into_sentry::otlp::builder;
use crate::into_sentry::span_exporter::SentrySpanExporter;
use crate::settings::sentry::Sentry;
use crate::settings::warning::warn;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;

/// How long the last export may take: the limit of the SDK's own flush.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl Sentry {
    /// Sets OTel's globals for a service that sends its spans to Sentry:
    ///
    /// - the propagator, [wrapped](crate::SentryPropagator::wrap) around a `TraceContextPropagator`
    /// - a tracer provider with the [sampler](Self::sampler), a resource of the service's name and
    ///   the [resource attributes](Self::resource_attributes), and a batch processor for the
    ///   [span exporter](Self::span_exporter)
    ///
    /// Spans are exported until the guard is dropped. Keep it in `main`:
    ///
    /// ```no_run
    /// # use opentelemetry_sentry::Sentry;
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let _installed = Sentry::from_env()?.install("shop")?;
    ///     // the service
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Without a DSN traces are connected and nothing is exported; one warning says so.
    ///
    /// Call it once, when the program starts. [`install_builder`](Self::install_builder) has
    /// options. For anything else assemble the four parts above yourself.
    ///
    /// # Errors
    ///
    /// - a second call, or a `sentry-trace` propagator set by hand - one is installed in this
    ///   process
    /// - a system without TLS roots, or that starts no thread - no HTTP client can be made
    ///
    /// Guide: [In one call](crate::_documentation::otlp#in-one-call).
    pub fn install(
        &self,
        service_name: impl Into<Cow<'static, str>>,
    ) -> Result<InstallGuard, InstallError> {
        self.install_builder(service_name).install()
    }

    /// [`install`](Self::install) with options.
    ///
    /// ```no_run
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let collector = "http://localhost:4318/v1/traces";
    /// let _installed = Sentry::from_env()?.install_builder("shop").collector(collector).install()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn install_builder(&self, service_name: impl Into<Cow<'static, str>>) -> InstallBuilder {
        InstallBuilder {
            sentry: self.clone(),
            service_name: service_name.into(),
            collector: None,
            endpoint_from_env: false,
        }
    }
}

/// Options of [`Sentry::install`].
#[derive(Clone)]
#[must_use = "nothing is installed before `install`"]
pub struct InstallBuilder {
    sentry: Sentry,
    service_name: Cow<'static, str>,
    collector: Option<String>,
    endpoint_from_env: bool,
}

impl InstallBuilder {
    /// The URL of a Collector that gets the spans instead of Sentry, path included, as for
    /// [`Sentry::span_exporter_to`].
    pub fn collector(mut self, url: impl Into<String>) -> Self {
        self.collector = Some(url.into());
        self
    }

    /// Whether OTel's own variables may name the Collector: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`,
    /// used unchanged, else `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` appended.
    ///
    /// Off by default, because such a variable is often set for another exporter. If both are empty
    /// or missing, spans go to Sentry. A [`collector`](Self::collector) set in code wins.
    pub fn endpoint_from_env(mut self, from_env: bool) -> Self {
        self.endpoint_from_env = from_env;
        self
    }

    /// Sets the globals.
    ///
    /// # Errors
    ///
    /// - a second call, or a `sentry-trace` propagator set by hand - one is installed in this
    ///   process
    /// - `collector("not a URL")`, `OTEL_EXPORTER_OTLP_ENDPOINT=` the same - not a URL
    /// - a system without TLS roots, or that starts no thread - no HTTP client can be made
    pub fn install(self) -> Result<InstallGuard, InstallError> {
        // OTel's global is where an installed propagator shows; this crate keeps none of its own.
        let is_installed = global::get_text_map_propagator(|propagator| {
            propagator.fields().any(|field| field == SENTRY_TRACE_HEADER)
        });
        if is_installed {
            return Err(InstallError(ErrorKind::Installed));
        }
        let exporter = self.exporter().map_err(|error| InstallError(ErrorKind::Exporter(error)))?;
        let resource = Resource::builder()
            .with_service_name(self.service_name)
            .with_attributes(self.sentry.resource_attributes())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(self.sentry.sampler())
            .with_resource(resource);
        let provider = match exporter {
            Some(exporter) => {
                let settings = &self.sentry.settings;
                if settings.traces_sample_rate.is_none() && settings.traces_sampler.is_none() {
                    warn(
                        "no sample rate: no spans are recorded, so none are exported; set the \
                         option traces_sample_rate or its environment variable",
                    );
                }
                provider.with_batch_exporter(exporter).build()
            }
            None => {
                warn(
                    "no DSN: traces are connected, but no spans are exported; set the option dsn \
                     or its environment variable",
                );
                provider.build()
            }
        };
        let propagator = self.sentry.propagator().wrap(TraceContextPropagator::new());
        global::set_text_map_propagator(propagator);
        global::set_tracer_provider(provider.clone());
        Ok(InstallGuard { provider, is_stopped: false })
    }

    fn exporter(&self) -> Result<Option<SentrySpanExporter<SpanExporter>>, ExporterBuildError> {
        if let Some(collector) = &self.collector {
            return self.sentry.span_exporter_to(collector).map(Some);
        }
        let variables = [OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT];
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        if self.endpoint_from_env && variables.into_iter().any(is_set) {
            return Ok(Some(SentrySpanExporter::new(&self.sentry, builder()?.build()?)));
        }
        self.sentry.dsn().map(|_| self.sentry.span_exporter()).transpose()
    }
}

/// Shows neither a key nor the Collector's URL, which may hold a password.
impl fmt::Debug for InstallBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallBuilder")
            .field("sentry", &self.sentry)
            .field("service_name", &self.service_name)
            .field("collector", &self.collector.is_some())
            .field("endpoint_from_env", &self.endpoint_from_env)
            .finish()
    }
}

/// Keeps the export of [`Sentry::install`] running. Dropping it exports the ended spans, within at
/// most 5 seconds, and stops recording. That includes a `main` that returns an error.
///
/// OTel's globals stay, so a service that keeps running still forwards traces.
///
/// `std::process::exit` and `panic = "abort"` don't drop it. Call [`shutdown`](Self::shutdown)
/// first.
#[derive(Debug)]
#[must_use = "dropping it at once ends the export"]
pub struct InstallGuard {
    provider: SdkTracerProvider,
    is_stopped: bool,
}

impl InstallGuard {
    /// OTel's global provider, for `force_flush` or another layer.
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// A tracer of that provider, of the SDK's own type, which `tracing-opentelemetry` needs.
    pub fn tracer(&self, name: impl Into<Cow<'static, str>>) -> SdkTracer {
        self.provider.tracer(name)
    }

    /// Exports the ended spans and stops, as dropping does, and returns whether that worked.
    ///
    /// # Errors
    ///
    /// - a destination that cannot be reached - spans could not be exported
    /// - a destination that answers after more than 5 seconds - a timeout
    pub fn shutdown(mut self) -> OTelSdkResult {
        self.is_stopped = true;
        self.stop()
    }

    /// A shutdown alone does not say whether its export worked; a flush does.
    fn stop(&self) -> OTelSdkResult {
        let flushed = self.provider.force_flush();
        let patience = if flushed.is_ok() { SHUTDOWN_TIMEOUT } else { Duration::ZERO };
        match self.provider.shutdown_with_timeout(patience) {
            // By its user, by hand.
            Err(OTelSdkError::AlreadyShutdown) => Ok(()),
            stopped => flushed.and(stopped),
        }
    }
}

impl Drop for InstallGuard {
    fn drop(&mut self) {
        if !self.is_stopped && self.stop().is_err() {
            warn("the last spans may be lost: the exporter failed, or took over 5 seconds");
        }
    }
}

/// Why nothing was installed.
pub struct InstallError(ErrorKind);

enum ErrorKind {
    Installed,
    Exporter(ExporterBuildError),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::Installed => {
                f.write_str("a propagator for sentry-trace is installed in this process")
            }
            ErrorKind::Exporter(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstallError({:?})", self.to_string())
    }
}

impl Error for InstallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            ErrorKind::Installed => None,
            ErrorKind::Exporter(error) => error.source(),
        }
    }
}
