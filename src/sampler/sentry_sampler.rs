//! The sampler: Sentry's decisions in terms of the SDK's `ShouldSample`.

use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::sampler::decider::Decider;
use crate::sampler::new_span::NewSpan;
use crate::settings::sentry::{Sentry, Settings};

/// Samples traces as Sentry's SDKs do: follows the caller's decision, else the configured rate.
///
/// Made by [`Sentry::sampler`]. It is parent-based by itself: use it alone. Under
/// `Sampler::parent_based` use it for all five branches; with the default local branches the
/// decisions are the same, but targets don't apply to spans with a local parent. Never
/// put it into `Sampler::ParentBased(..)`, which discards a root span's trace state.
///
/// To add your own sampler, see [`wrap`](Self::wrap).
///
/// Guide: [Sampling](crate::_documentation::sampling).
#[derive(Clone, Debug)]
pub struct SentrySampler {
    pub(super) settings: Arc<Settings>,
}

impl Sentry {
    /// The sampler of these settings.
    pub fn sampler(&self) -> SentrySampler {
        SentrySampler { settings: Arc::clone(&self.settings) }
    }
}

impl ShouldSample for SentrySampler {
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
            decider: Decider::Settings,
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
