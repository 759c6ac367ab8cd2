//! An undecided trace of our own, for programs without a tracer.

use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::Context;

use crate::carrier::trace_data::TraceData;
use crate::propagator::sentry_propagator::SentryPropagator;
use crate::sampling::randomness::Randomness;
use crate::sampling::trace_sampling::TraceSampling;
use crate::settings::sentry::Sentry;
use crate::trace_api::start_new_trace;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::head::HeadFacts;
use crate::wire::sentry_trace::{trace_id_digits, SentryTrace, SENTRY_TRACE_HEADER};

impl Sentry {
    /// A context that looks as if an undecided trace had arrived, for programs without a tracer:
    /// new ids, and a Dynamic Sampling Context of these settings without a decision.
    ///
    /// Its headers connect the services downstream, which decide for themselves. It has the baggage
    /// and the suppression of `cx`.
    ///
    /// Not for programs with a tracer. The SDK's default sampler knows no undecided traces, and
    /// drops spans below this context. [`Sentry`]'s sampler decides them by the rate, below a
    /// parent that is never exported. Use [`start_new_trace`] there.
    ///
    /// If the operating system gives no random bytes the context has no trace. On
    /// `wasm32-unknown-unknown` this needs the feature `sdk`, which takes random bytes from the
    /// program. [`start_deferred_trace_with`](Self::start_deferred_trace_with) needs none.
    ///
    /// ```
    /// use opentelemetry::Context;
    /// use opentelemetry_sentry::{trace_data, Sentry};
    ///
    /// let sentry = Sentry::builder().build()?;
    /// let cx = sentry.start_deferred_trace(&Context::current());
    /// let data = trace_data(&sentry.propagator(), &cx);
    /// assert_eq!(data.get("sentry-trace").map(str::len), Some(32 + 1 + 16));
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    ///
    /// Guide: [Without a tracer](crate::_documentation::custom_instrumentation#without-a-tracer).
    #[cfg(any(feature = "sdk", not(all(target_family = "wasm", target_os = "unknown"))))]
    #[must_use = "the trace is sent from this context"]
    pub fn start_deferred_trace(&self, cx: &Context) -> Context {
        match fresh_ids() {
            Some((trace_id, span_id)) => self.start_deferred_trace_with(cx, trace_id, span_id),
            None => start_new_trace(cx),
        }
    }

    /// Like `start_deferred_trace`, with your ids: for programs without a source of random bytes,
    /// and for ids that a platform made.
    ///
    /// The trace id must be random: its last 56 bits decide whether services downstream sample the
    /// trace. With an id of zeros the context has no trace.
    #[must_use = "the trace is sent from this context"]
    pub fn start_deferred_trace_with(
        &self,
        cx: &Context,
        trace_id: TraceId,
        span_id: SpanId,
    ) -> Context {
        let cx = start_new_trace(cx);
        let Some(trace) = SentryTrace::new(trace_id, span_id, None) else {
            return cx;
        };
        let sentry_trace = trace.to_header();
        let mut headers = TraceData::default();
        headers.set(SENTRY_TRACE_HEADER, sentry_trace.clone());
        let Some(template) = &self.settings.head else {
            // Without a DSC the trace names no organization, and strict settings would refuse it.
            return SentryPropagator::new().extract_with_context(&cx, &headers);
        };
        let undecided = TraceSampling::default();
        let sample_rand = Randomness::of(trace.trace_id()).sample_rand(undecided).to_string();
        let facts = HeadFacts {
            sampled: None,
            sample_rate: None,
            sample_rand: &sample_rand,
            transaction: None,
        };
        headers.set(BAGGAGE_HEADER, template.compose(trace_id_digits(&sentry_trace), &facts).list);
        self.propagator().extract_with_context(&cx, &headers)
    }
}

/// Random ids from the operating system, or `None` if it gives none.
#[cfg(any(feature = "sdk", not(all(target_family = "wasm", target_os = "unknown"))))]
fn fresh_ids() -> Option<(TraceId, SpanId)> {
    use rand::rngs::OsRng;
    use rand::TryRngCore;

    let mut trace_id = [0; 16];
    let mut span_id = [0; 8];
    OsRng.try_fill_bytes(&mut trace_id).ok()?;
    OsRng.try_fill_bytes(&mut span_id).ok()?;
    Some((TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id)))
}
