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
/// [`Sentry::builder`] makes the settings, as on the [front page](crate). Several in one process are
/// independent of each other; a clone shares them.
///
/// Guide: [Getting started](crate::_documentation::getting_started).
#[derive(Clone, Debug)]
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
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("dsn", &self.dsn)
            .field("release", &self.release)
            .field("environment", &self.environment)
            .field("org_id", &self.org_id)
            .field("traces_sample_rate", &self.traces_sample_rate)
            .field("traces_sampler", &self.traces_sampler)
            .field("trace_propagation_targets", &self.targets)
            .field("strict_trace_continuation", &self.strict_trace_continuation)
            .field("propagate_traceparent", &self.propagate_traceparent)
            .finish_non_exhaustive()
    }
}
