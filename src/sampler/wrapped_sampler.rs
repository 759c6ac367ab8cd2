//! The user's own sampler inside ours.

use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::sampler::decider::Decider;
use crate::sampler::new_span::NewSpan;
use crate::sampler::sentry_sampler::SentrySampler;
use crate::settings::sentry::Settings;

/// A [`SentrySampler`] around another sampler, made by [`SentrySampler::wrap`].
#[derive(Clone, Debug)]
pub struct WrappedSampler<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl SentrySampler {
    /// Wraps your own sampler, which decides traces that start here, and undecided ones. A caller's
    /// decision holds.
    ///
    /// Use it for a rate limiter, or a remotely configured sampler. `traces_sampler` is not called
    /// then. If `inner` panics, `traces_sample_rate` counts, else 0, with one warning.
    ///
    /// - `inner` sees an undecided trace as one that starts here, because OTel has no such state:
    ///   its context has the baggage and no span.
    /// - Its attributes stay on the span, and its members in the trace state.
    /// - A `th` that it writes into the `ot` member
    ///   ([probability sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/))
    ///   becomes the DSC's `sample_rate`, if it agrees with the decision. Otherwise no rate is
    ///   sent, and Sentry counts each trace once.
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
    ///
    /// Guide: [A sampler of your own](crate::_documentation::sampling#a-sampler-of-your-own).
    pub fn wrap<S: ShouldSample>(self, inner: S) -> WrappedSampler<S> {
        WrappedSampler { settings: self.settings, inner }
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
        let span = NewSpan {
            settings: &self.settings,
            decider: Decider::Inner(&self.inner),
            parent_context,
            trace_id,
            name,
            span_kind,
            attributes,
            links,
        };
        span.sample()
    }
}
