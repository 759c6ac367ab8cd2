//! Adds the attributes that Sentry reads to each span, as it is exported.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_sdk::Resource;

use crate::into_sentry::resource::DEPLOYMENT_ENVIRONMENT_NAME;
use crate::settings::build::DEFAULT_ENVIRONMENT;
use crate::settings::sentry::Sentry;
use crate::tracestate::list::{has_ours, without_ours};
use crate::tracestate::sample_rate::sample_rate_of;

/// Attributes that Sentry reads from a span or a log record
/// ([Sentry conventions](https://getsentry.github.io/sentry-conventions/)).
pub(crate) const RELEASE: &str = "sentry.release";
pub(crate) const ENVIRONMENT: &str = "sentry.environment";
pub(crate) const SDK_NAME: &str = "sentry.sdk.name";
pub(crate) const SDK_VERSION: &str = "sentry.sdk.version";
const CLIENT_SAMPLE_RATE: &str = "sentry.client_sample_rate";

/// Other names under which Sentry accepts a release and an environment.
const OTHER_RELEASE: &str = "release";
const OLD_DEPLOYMENT_ENVIRONMENT: &str = "deployment.environment";

/// What the settings add to everything that is exported.
#[derive(Clone, Debug)]
pub(crate) struct ServiceAttributes {
    release: Option<String>,
    environment: Option<String>,
    /// Whether the environment is the default, which the resource's overrides.
    is_default_environment: bool,
}

impl ServiceAttributes {
    pub(crate) fn new(sentry: &Sentry) -> Self {
        let environment = sentry.settings.environment.clone();
        ServiceAttributes {
            release: sentry.settings.release.clone(),
            is_default_environment: environment.is_none(),
            environment: Some(environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned())),
        }
    }

    /// Sentry reads an item's environment before its resource's, so a default must not hide that one.
    pub(crate) fn set_resource(&mut self, resource: &Resource) {
        let names = [DEPLOYMENT_ENVIRONMENT_NAME, OLD_DEPLOYMENT_ENVIRONMENT];
        let is_said = names.iter().any(|name| resource.get(&Key::from_static_str(name)).is_some());
        if self.is_default_environment && is_said {
            self.environment = None;
        }
    }

    /// The attributes that an item lacks, each a name and a value.
    pub(crate) fn missing(
        &self,
        has: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let has_release = has(RELEASE) || has(OTHER_RELEASE);
        let release = self.release.clone().filter(|_| !has_release);
        let environment = self.environment.clone().filter(|_| !has(ENVIRONMENT));
        // A name of one SDK and a version of another would be neither.
        let is_named = has(SDK_NAME) || has(SDK_VERSION);
        let sdk = |text: &str| (!is_named).then(|| text.to_owned());
        [
            (RELEASE, release),
            (ENVIRONMENT, environment),
            (SDK_NAME, sdk(env!("CARGO_PKG_NAME"))),
            (SDK_VERSION, sdk(env!("CARGO_PKG_VERSION"))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Wraps an exporter, and adds to each span the attributes that Sentry reads.
///
/// | attribute | value |
/// | --- | --- |
/// | `sentry.release` | the settings' release |
/// | `sentry.environment` | the settings' environment; `production`, unless the resource names one |
/// | `sentry.client_sample_rate` | the rate at which the trace was sampled, by which Sentry weights the span |
/// | `sentry.sdk.name`, `sentry.sdk.version` | this crate's |
///
/// A span's own attributes stay, and unknown values are not added. This runs where the inner
/// exporter does: with the SDK's batch processor on its own thread, off the request's path.
///
/// `Sentry::span_exporter` returns one. Around another exporter, gRPC to a Collector for example:
///
/// ```
/// use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
/// use opentelemetry_sentry::{Sentry, SentrySpanExporter};
///
/// let sentry = Sentry::builder().release("shop@1.2.3").build()?;
/// let exporter = SentrySpanExporter::new(&sentry, InMemorySpanExporter::default());
/// let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
/// # Ok::<(), opentelemetry_sentry::ConfigError>(())
/// ```
///
/// Guide: [What Sentry reads](crate::_documentation::otlp#what-sentry-reads).
#[derive(Clone)]
pub struct SentrySpanExporter<E> {
    inner: E,
    service: ServiceAttributes,
    strip_tracestate: bool,
}

impl<E> SentrySpanExporter<E> {
    /// Wraps the exporter that sends the spans.
    pub fn new(sentry: &Sentry, inner: E) -> Self {
        let service = ServiceAttributes::new(sentry);
        SentrySpanExporter { inner, service, strip_tracestate: false }
    }

    /// Whether to remove this crate's members, about 200 bytes a span, from the trace states of
    /// spans and of their links. Off by default.
    ///
    /// OTel's `ot` member and other parties' members stay. Sentry reads only `ot`.
    pub fn strip_tracestate(mut self, strip: bool) -> Self {
        self.strip_tracestate = strip;
        self
    }

    #[cfg(feature = "otlp-request")]
    pub(crate) fn inner(&self) -> &E {
        &self.inner
    }

    fn complete(&self, span: &mut SpanData) {
        let attributes = &mut span.attributes;
        let has = |name: &str| attributes.iter().any(|attribute| attribute.key.as_str() == name);
        let rate = (!has(CLIENT_SAMPLE_RATE)).then(|| sample_rate_of(&span.span_context));
        let mut added: Vec<KeyValue> =
            self.service.missing(has).map(|(name, value)| KeyValue::new(name, value)).collect();
        added.extend(rate.flatten().map(|rate| KeyValue::new(CLIENT_SAMPLE_RATE, rate)));
        attributes.append(&mut added);
        // The rate was read from what goes now.
        if self.strip_tracestate {
            strip(&mut span.span_context);
            span.links.links.iter_mut().for_each(|link| strip(&mut link.span_context));
        }
    }
}

/// Omits the inner exporter: its headers contain the DSN's key.
impl<E> fmt::Debug for SentrySpanExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentrySpanExporter")
            .field("service", &self.service)
            .field("strip_tracestate", &self.strip_tracestate)
            .finish_non_exhaustive()
    }
}

fn strip(span_context: &mut SpanContext) {
    if has_ours(span_context.trace_state()) {
        *span_context = without_ours(span_context);
    }
}

impl<E: SpanExporter> SpanExporter for SentrySpanExporter<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        batch.iter_mut().for_each(|span| self.complete(span));
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
        self.service.set_resource(resource);
        self.inner.set_resource(resource);
    }
}
