//! A trace of our own that nobody has decided, for programs without a tracer.

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
    /// A context in which an undecided trace of our own has arrived, for programs that have no
    /// tracer: fresh ids, and a Dynamic Sampling Context of these settings without a decision.
    ///
    /// What is sent from it connects the services behind, which decide for themselves. It has the
    /// baggage and the suppression of `cx`.
    ///
    /// Not for programs with a tracer: under the SDK's default sampler spans below it are dropped,
    /// as it knows no undecided traces, and under [`Sentry`]'s own they are decided by the rate,
    /// below a parent that is never exported. Use [`start_new_trace`] there.
    ///
    /// Where the operating system gives no random bytes the context has no trace.
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
    #[must_use = "the trace is sent from this context"]
    pub fn start_deferred_trace(&self, cx: &Context) -> Context {
        let cx = start_new_trace(cx);
        let Some(trace) = fresh_trace() else {
            return cx;
        };
        let sentry_trace = trace.to_header();
        let mut headers = TraceData::default();
        headers.set(SENTRY_TRACE_HEADER, sentry_trace.clone());
        let Some(template) = &self.settings.head else {
            // Without a DSC the trace names no organisation: to a strict reader it is a stranger's.
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
        headers.set(BAGGAGE_HEADER, template.compose(trace_id_digits(&sentry_trace), &facts));
        self.propagator().extract_with_context(&cx, &headers)
    }
}

/// An undecided one with random ids from the operating system, or `None` where it gives none.
fn fresh_trace() -> Option<SentryTrace> {
    let mut trace_id = [0; 16];
    let mut span_id = [0; 8];
    getrandom::fill(&mut trace_id).ok()?;
    getrandom::fill(&mut span_id).ok()?;
    SentryTrace::new(TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id), None)
}
