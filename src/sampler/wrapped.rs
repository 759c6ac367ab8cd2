//! A sampler of the user's own inside ours.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::sampler::decider::{Decider, Rules};
use crate::sampler::sentry_sampler::SentrySampler;
use crate::settings::sentry::Settings;

/// A [`SentrySampler`] around another sampler, made by [`SentrySampler::wrap`].
#[derive(Clone)]
pub struct WrappedSampler<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl SentrySampler {
    /// This sampler around one of your own, which decides where nobody has: traces that start
    /// here, and traces that come undecided. A caller's decision holds.
    ///
    /// For a rate limiter, or a sampler that is configured from afar. `traces_sampler` is not asked
    /// then, and `traces_sample_rate` counts only where `inner` panics, else 0; with one warning.
    ///
    /// - `inner` sees an undecided trace as one that starts here, as OTel has no word for it: the
    ///   context that it is given has the baggage, and no span.
    /// - Its attributes stay on the span, and its members in the trace state.
    /// - A `th` that it writes into the `ot` member
    ///   ([probability sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/))
    ///   gives the DSC's `sample_rate`, if it agrees with the decision. Else none is sent: Sentry
    ///   then counts each trace once.
    /// - Telemetry is suppressed while it decides.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::builder().build()?;
    /// let sampler = sentry.sampler().wrap(Sampler::AlwaysOn);
    /// let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn wrap<S: ShouldSample>(self, inner: S) -> WrappedSampler<S> {
        WrappedSampler { settings: self.settings, inner }
    }
}

impl<S: fmt::Debug> fmt::Debug for WrappedSampler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedSampler").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S: ShouldSample + Clone + 'static> ShouldSample for WrappedSampler<S> {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let rules = Rules { settings: &self.settings, decider: Decider::Inner(&self.inner) };
        rules.sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
