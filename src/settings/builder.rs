//! The options, each with what it means.

use std::sync::Arc;

use crate::settings::config_error::ConfigError;
use crate::settings::sentry::Sentry;
use crate::settings::target::Target;
use crate::settings::targets::PropagationTargets;
use crate::settings::traces_sampler::{SamplingContext, TracesSampler};
use crate::settings::variables::Variables;

/// Builds [`Sentry`] settings. The options are named as in Sentry's SDKs.
///
/// Guide: [Cloudflare workers](crate::_documentation::cloudflare_workers).
#[derive(Clone, Default)]
#[must_use = "settings do nothing before `build`"]
pub struct SentryBuilder {
    pub(super) variables: Variables,
    pub(super) dsn: Option<String>,
    pub(super) release: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) org_id: Option<String>,
    pub(super) traces_sample_rate: Option<f64>,
    pub(super) traces_sampler: Option<TracesSampler>,
    pub(super) targets: Option<PropagationTargets>,
    pub(super) strict_trace_continuation: Option<bool>,
    pub(super) propagate_traceparent: Option<bool>,
    pub(super) deny_unknown_urls: bool,
    pub(super) prefer_traceparent: bool,
    pub(super) rewrite_tracestate: bool,
}

impl Sentry {
    /// Starts with no option set; no environment variable is read.
    pub fn builder() -> SentryBuilder {
        SentryBuilder::default()
    }

    /// `Sentry::builder().env().build()`.
    ///
    /// # Errors
    ///
    /// Those of [`SentryBuilder::build`].
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder().env().build()
    }
}

impl SentryBuilder {
    /// The project's [DSN](crate::Dsn). Without one, a trace that starts here sends no `sentry-*`
    /// baggage, and requests to Sentry itself are not recognized.
    pub fn dsn(mut self, dsn: impl Into<String>) -> Self {
        self.dsn = Some(dsn.into());
        self
    }

    /// This service's release, of 1 to 1000 bytes.
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// This service's environment, of 1 to 1000 bytes. The default is `production`.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// The organization's id, 1 to 20 decimal digits. The default is the one in the DSN's host.
    ///
    /// Set it if Sentry is self-hosted, or reached through a relay or a proxy: the DSN's host names an
    /// organization (`o<digits>.`) only on sentry.io.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// The share of traces to record, in `[0,1]`, if the caller has not decided.
    ///
    /// 0 is a decision, and is sent as one. With neither this nor a
    /// [`traces_sampler`](Self::traces_sampler) nothing is recorded, and traces stay undecided.
    pub fn traces_sample_rate(mut self, rate: f64) -> Self {
        self.traces_sample_rate = Some(rate);
        self
    }

    /// A function that returns a trace's sample rate, in `[0,1]`, when its first span in this
    /// service starts. The result overrides [`traces_sample_rate`](Self::traces_sample_rate) and
    /// the caller's decision.
    ///
    /// Any other number counts as 0, with one warning. If the function panics, the caller's
    /// decision holds, else the rate, else 0, with one warning.
    ///
    /// ```
    /// # use opentelemetry_sentry::Sentry;
    /// Sentry::builder().traces_sampler(|ctx| match ctx.name() {
    ///     "GET /healthz" => 0.0,
    ///     _ => ctx.inherit_or_sample_with(0.2),
    /// });
    /// ```
    ///
    /// # While a span starts
    ///
    /// The function runs while a span starts. Telemetry is suppressed until it returns: a span that
    /// it starts is not recorded and calls no sampler.
    ///
    /// With `tracing-opentelemetry` it must not read the context of the span that starts:
    /// `Span::current().context()` deadlocks on a lock that is held until the function returns. So
    /// does a log line, if a layer adds the current span's ids to it.
    ///
    /// Guide: [Recipes for `traces_sampler`](crate::_documentation::sampling#recipes-for-traces_sampler).
    pub fn traces_sampler(
        mut self,
        sampler: impl Fn(&SamplingContext<'_>) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.traces_sampler = Some(TracesSampler(Arc::new(sampler)));
        self
    }

    /// The destinations that get trace headers: texts that the URL contains, ASCII case ignored, or
    /// other [`Target`]s. An empty list allows none. The default allows all.
    ///
    /// Guide: [Targets and privacy](crate::_documentation::targets_and_privacy).
    pub fn trace_propagation_targets(
        mut self,
        targets: impl IntoIterator<Item = impl Into<Target>>,
    ) -> Self {
        self.targets = Some(PropagationTargets::new(targets));
        self
    }

    /// Whether to refuse a trace if only one side's organization is known. If both are known and
    /// differ, it is always refused.
    ///
    /// If our own [`org_id`](Self::org_id) is unknown, traces that name an organization are refused,
    /// and those that name none are continued. One warning says so at the first such trace.
    pub fn strict_trace_continuation(mut self, strict: bool) -> Self {
        self.strict_trace_continuation = Some(strict);
        self
    }

    /// Whether to write W3C's `traceparent` beside `sentry-trace`.
    pub fn propagate_traceparent(mut self, propagate: bool) -> Self {
        self.propagate_traceparent = Some(propagate);
        self
    }

    /// Whether to send no trace headers if the URL is unknown. Off by default, as in Sentry's SDKs.
    ///
    /// A CLIENT or PRODUCER span that starts without a URL then counts as denied. So a W3C
    /// propagator in the same list sends no Dynamic Sampling Context in `tracestate` either.
    pub fn deny_unknown_urls(mut self, deny: bool) -> Self {
        self.deny_unknown_urls = deny;
        self
    }

    /// Whether `traceparent` wins over `sentry-trace` if they name different traces or spans.
    pub fn prefer_traceparent(mut self, prefer: bool) -> Self {
        self.prefer_traceparent = prefer;
        self
    }

    /// Whether to write `tracestate` again without our members, for a list in which a W3C
    /// propagator runs before this one. Without such a propagator, leave it off: this one would
    /// then write the header by itself.
    pub fn rewrite_tracestate(mut self, rewrite: bool) -> Self {
        self.rewrite_tracestate = rewrite;
        self
    }

    /// Fills what no option sets from `SENTRY_DSN`, `SENTRY_RELEASE`, `SENTRY_ENVIRONMENT`,
    /// `SENTRY_TRACES_SAMPLE_RATE`, `SENTRY_ORG_ID`, `SENTRY_STRICT_TRACE_CONTINUATION`,
    /// `SENTRY_TRACE_PROPAGATION_TARGETS` (comma separated) and `SENTRY_PROPAGATE_TRACEPARENT`.
    ///
    /// An empty variable counts as unset, except for the targets, where it allows none. Variables
    /// are read in [`build`](Self::build), wherever in the chain this call stands.
    pub fn env(mut self) -> Self {
        self.variables.from_process = true;
        self
    }

    /// Like [`env`](Self::env), with values from elsewhere: the bindings of a worker, or a
    /// platform's map of settings.
    ///
    /// The function is called here, once for each variable's name. Its values take precedence over
    /// those of [`env`](Self::env).
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let bindings = HashMap::from([
    ///     ("SENTRY_DSN", "https://key@o1.ingest.sentry.io/42"),
    ///     ("SENTRY_TRACES_SAMPLE_RATE", "0.2"),
    /// ]);
    /// let sentry = Sentry::builder().env_from(|name| bindings.get(name).copied()).build()?;
    /// assert_eq!(sentry.dsn().and_then(|dsn| dsn.org_id()), Some("1"));
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn env_from<V: Into<String>>(mut self, value: impl FnMut(&str) -> Option<V>) -> Self {
        self.variables.give(value);
        self
    }
}

/// Shows whether code has set a DSN, not its key.
impl std::fmt::Debug for SentryBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentryBuilder")
            .field("env", &self.variables.from_process)
            .field("dsn", &self.dsn.is_some())
            .field("traces_sample_rate", &self.traces_sample_rate)
            .field("traces_sampler", &self.traces_sampler)
            .finish_non_exhaustive()
    }
}
