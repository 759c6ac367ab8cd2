//! The propagator: Sentry's headers in terms of OTel's `TextMapPropagator`.

use std::fmt;
use std::sync::Arc;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, Key};

use crate::propagator::continue_decision::ContinueDecision;
use crate::propagator::extract::{continuation, continue_decision, Continuation};
use crate::propagator::inject::{baggage, outgoing};
use crate::settings::sentry::{Sentry, Settings};
use crate::tracestate::new_trace_state::{replace, without_ours, Ot, ToTraceState};
use crate::tracestate::plain_dsc::PlainDsc;
use crate::tracestate::trace_state::has_ours;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::dsc::DynamicSamplingContext;
use crate::wire::dsc_key::is_sentry_key;
use crate::wire::sentry_trace::{SentryTrace, SENTRY_TRACE_HEADER};
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// Propagates traces in `sentry-trace` and `baggage`
/// ([Trace Propagation](https://develop.sentry.dev/sdk/foundations/trace-propagation/)).
///
/// Made by [`Sentry::propagator`]. [`SentryPropagator::new`] has no settings: it continues and
/// forwards traces of others, and starts none of its own towards Sentry.
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use opentelemetry_sentry::SentryPropagator;
///
/// let headers = HashMap::from([(
///     "sentry-trace".to_owned(),
///     "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1".to_owned(),
/// )]);
/// let cx = SentryPropagator::new().extract(&headers);
/// assert!(cx.span().span_context().is_sampled());
/// ```
#[derive(Clone)]
pub struct SentryPropagator {
    settings: Arc<Settings>,
}

impl Sentry {
    /// The propagator of these settings.
    pub fn propagator(&self) -> SentryPropagator {
        SentryPropagator { settings: Arc::clone(&self.settings) }
    }
}

impl SentryPropagator {
    /// A propagator without settings.
    pub fn new() -> Self {
        Sentry::default().propagator()
    }

    /// What [`extract_with_context`](TextMapPropagator::extract_with_context) makes of the trace in
    /// a carrier, and why: for a log line, or for a test of one's settings.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use opentelemetry::Context;
    /// use opentelemetry_sentry::{ContinueDecision, Sentry};
    ///
    /// let propagator = Sentry::builder().org_id("1").build()?.propagator();
    /// let headers = HashMap::from([
    ///     ("sentry-trace".to_owned(), "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a".to_owned()),
    ///     ("baggage".to_owned(), "sentry-org_id=2".to_owned()),
    /// ]);
    /// let decision = propagator.continue_decision(&Context::new(), &headers);
    /// assert_eq!(decision, ContinueDecision::OtherOrganization);
    /// assert_eq!(decision.to_string(), "new trace: the caller is of another organisation");
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn continue_decision(&self, cx: &Context, extractor: &dyn Extractor) -> ContinueDecision {
        let lines = extractor.get_all(BAGGAGE_HEADER).unwrap_or_default();
        let dsc = DynamicSamplingContext::read(lines);
        let trace = SentryTrace::extract(extractor);
        continue_decision(&self.settings, trace, &dsc, remote_parent(cx).as_ref())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The context with what came as its remote parent, beside the one that somebody else found.
    /// `brought` tells whether that one's trace state came with the request.
    pub(crate) fn continue_with(
        &self,
        cx: &Context,
        remote: Option<SpanContext>,
        trace: Option<SentryTrace>,
        dsc: &mut impl ToTraceState,
        brought: impl FnOnce() -> bool,
    ) -> Result<Context, Refused> {
        let parent = match continuation(&self.settings, trace, dsc, remote.as_ref()) {
            Continuation::Continue(parent) => Some(parent),
            Continuation::Refuse => return Err(Refused),
            // What an earlier extract of ours left in the context stays there.
            Continuation::Nothing => remote
                .filter(|parent| has_ours(parent.trace_state()) && brought())
                .map(|parent| without_ours(&parent)),
        };
        let cleaned = without_sentry_baggage(cx);
        let base = cleaned.as_ref().unwrap_or(cx);
        Ok(parent.map_or_else(|| base.clone(), |parent| base.with_remote_span_context(parent)))
    }
}

impl Default for SentryPropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl TextMapPropagator for SentryPropagator {
    /// Writes nothing where the context has no valid span, telemetry is suppressed, or the
    /// request's target is denied.
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let settings = &*self.settings;
        settings.warnings.say_pending();
        if settings.rewrite_tracestate {
            let span = cx.span();
            let span_context = span.span_context();
            if span_context.is_valid() && has_ours(span_context.trace_state()) {
                let trace_state = replace(span_context.trace_state(), None, Ot::Keep);
                injector.set(TRACESTATE_HEADER, trace_state.header());
            }
        }
        let Some(outgoing) = outgoing(settings, cx) else {
            return;
        };
        injector.set(SENTRY_TRACE_HEADER, outgoing.sentry_trace);
        if let Some(traceparent) = outgoing.traceparent {
            injector.set(TRACEPARENT_HEADER, traceparent);
        }
        if let Some(baggage) = baggage(settings, cx, outgoing.dsc) {
            injector.set(BAGGAGE_HEADER, baggage);
        }
    }

    /// The context with the caller's span as remote parent; unchanged where no valid
    /// `sentry-trace` came, but for what is Sentry's in its baggage and its remote trace state.
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        self.settings.warnings.say_pending();
        let remote = remote_parent(cx);
        let trace = SentryTrace::extract(extractor);
        if trace.is_none() && remote.is_none() {
            return without_sentry_baggage(cx).unwrap_or_else(|| cx.clone());
        }
        let lines = extractor.get_all(BAGGAGE_HEADER).unwrap_or_default();
        let brought = || extractor.get(TRACESTATE_HEADER).is_some();
        if let (Some(started), None, [line]) = (&trace, &remote, &*lines) {
            let mut dsc = PlainDsc::new(started.trace_id());
            if dsc.read(line) {
                let continued = self.continue_with(cx, remote, trace, &mut dsc, brought);
                return continued.unwrap_or_else(|_refused| refuse(cx));
            }
        }
        let mut dsc = DynamicSamplingContext::read(lines);
        let continued = self.continue_with(cx, remote, trace, &mut dsc, brought);
        continued.unwrap_or_else(|_refused| refuse(cx))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.settings.fields)
    }
}

/// The context without `sentry-*` in its baggage, where that is a change: a stock propagator
/// would send it to every host.
#[inline]
fn without_sentry_baggage(cx: &Context) -> Option<Context> {
    let baggage = cx.baggage();
    let is_sentry = |(key, _): (&Key, _)| is_sentry_key(key.as_str());
    // Nearly always it is empty.
    if baggage.is_empty() || !baggage.iter().any(is_sentry) {
        return None;
    }
    Some(cx.with_baggage(own_members(baggage)))
}

fn own_members(baggage: &Baggage) -> Baggage {
    let own = baggage.iter().filter(|(key, _)| !is_sentry_key(key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The trace is another organisation's.
pub(crate) struct Refused;

/// The remote parent of the next span.
#[inline]
pub(crate) fn remote_parent(cx: &Context) -> Option<SpanContext> {
    if !cx.has_active_span() {
        return None;
    }
    let span = cx.span();
    Some(span.span_context()).filter(|sc| sc.is_remote() && sc.is_valid()).cloned()
}

/// A context in which the next span starts a trace, if its parent would have been remote.
pub(crate) fn refuse(cx: &Context) -> Context {
    if remote_parent(cx).is_some() {
        return without_span(cx);
    }
    without_sentry_baggage(cx).unwrap_or_else(|| cx.clone())
}

/// The context's own baggage and suppression, and no span: a context cannot lose its span.
pub(crate) fn without_span(cx: &Context) -> Context {
    let fresh = Context::new().with_baggage(own_members(cx.baggage()));
    if cx.is_telemetry_suppressed() {
        fresh.with_telemetry_suppressed()
    } else {
        fresh
    }
}

impl fmt::Debug for SentryPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentryPropagator")
            .field("fields", &self.settings.fields)
            .finish_non_exhaustive()
    }
}
