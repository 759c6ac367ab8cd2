//! What the settings say of a service, as attributes: of its OTel resource, and of what it exports.

use opentelemetry::KeyValue;

use crate::settings::build::DEFAULT_ENVIRONMENT;
use crate::settings::sentry::Sentry;

/// Attributes of OTel's resource conventions:
/// [deployment](https://opentelemetry.io/docs/specs/semconv/resource/deployment-environment/) and
/// [service](https://opentelemetry.io/docs/specs/semconv/resource/service/).
pub(crate) const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
const SERVICE_VERSION: &str = "service.version";

impl Sentry {
    /// The environment and the release as resource attributes: `deployment.environment.name`, and
    /// `service.version` if a release is set.
    ///
    /// They are for every backend. Sentry reads only the environment of them, since its release
    /// 26.3.0. It reads the release from each span, where `SentrySpanExporter` puts it.
    ///
    /// ```
    /// # #[cfg(feature = "sdk")] {
    /// use opentelemetry_sdk::Resource;
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::builder().release("shop@1.2.3").build()?;
    /// let resource = Resource::builder()
    ///     .with_service_name("shop")
    ///     .with_attributes(sentry.resource_attributes())
    ///     .build();
    /// # }
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn resource_attributes(&self) -> Vec<KeyValue> {
        let settings = &*self.settings;
        let environment = settings.environment.as_deref().unwrap_or(DEFAULT_ENVIRONMENT);
        let mut attributes =
            vec![KeyValue::new(DEPLOYMENT_ENVIRONMENT_NAME, environment.to_owned())];
        if let Some(release) = &settings.release {
            attributes.push(KeyValue::new(SERVICE_VERSION, release.clone()));
        }
        attributes
    }
}
