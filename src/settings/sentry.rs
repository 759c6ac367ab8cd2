//! The settings that the propagator and the sampler share.

use std::fmt;
use std::sync::Arc;

use crate::sampling::rate::SampleRate;
use crate::settings::dsn::Dsn;
use crate::settings::targets::PropagationTargets;
use crate::settings::traces_sampler::TracesSampler;
use crate::settings::warning::Warnings;
use crate::wire::head::HeadTemplate;

/// Sentry's trace settings. They make the [propagator](Sentry::propagator) and the sampler.
///
/// Several in one process are independent of each other; a clone shares them.
///
/// ```
/// use opentelemetry::global;
/// use opentelemetry_sentry::Sentry;
///
/// let sentry = Sentry::builder()
///     .dsn("https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42")
///     .release("shop@1.2.3")
///     .traces_sample_rate(0.2)
///     .build()?;
/// global::set_text_map_propagator(sentry.propagator());
/// # Ok::<(), opentelemetry_sentry::ConfigError>(())
/// ```
///
/// Guide: [Getting started](crate::_documentation::getting_started).
#[derive(Clone)]
pub struct Sentry {
    pub(crate) settings: Arc<Settings>,
}

impl Sentry {
    /// The project's DSN, if one is set.
    pub fn dsn(&self) -> Option<&Dsn> {
        self.settings.dsn.as_ref()
    }
}

pub(crate) struct Settings {
    pub(crate) dsn: Option<Dsn>,
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
    /// Our organization: the option, else the DSN's.
    pub(crate) org_id: Option<String>,
    pub(crate) traces_sample_rate: Option<SampleRate>,
    pub(crate) traces_sampler: Option<TracesSampler>,
    pub(crate) targets: PropagationTargets,
    pub(crate) deny_unknown_urls: bool,
    pub(crate) strict_trace_continuation: bool,
    pub(crate) propagate_traceparent: bool,
    pub(crate) prefer_traceparent: bool,
    pub(crate) rewrite_tracestate: bool,
    /// The settings' part of a head's DSC; none without a DSN, as Sentry needs its key.
    pub(crate) head: Option<HeadTemplate>,
    /// The headers that the propagator writes.
    pub(crate) fields: Vec<String>,
    pub(crate) warnings: Warnings,
}

/// Shows neither the DSN's key nor the sampling function.
impl fmt::Debug for Sentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &*self.settings;
        f.debug_struct("Sentry")
            .field("dsn", &settings.dsn)
            .field("release", &settings.release)
            .field("environment", &settings.environment)
            .field("org_id", &settings.org_id)
            .field("traces_sample_rate", &settings.traces_sample_rate)
            .field("traces_sampler", &settings.traces_sampler)
            .field("trace_propagation_targets", &settings.targets)
            .field("strict_trace_continuation", &settings.strict_trace_continuation)
            .field("propagate_traceparent", &settings.propagate_traceparent)
            .finish_non_exhaustive()
    }
}
