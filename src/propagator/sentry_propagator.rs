//! The propagator: Sentry's headers in terms of OTel's `TextMapPropagator`.

use std::fmt;
use std::sync::Arc;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, Key};

use crate::propagator::continue_decision::ContinueDecision;
use crate::propagator::extract::{check_own_organization, Incoming};
use crate::propagator::inject::{baggage, outgoing};
use crate::settings::sentry::{Sentry, Settings};
use crate::tracestate::list::{cleaned, has_ours, is_flawed, replace};
use crate::tracestate::ot::Ot;
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::dsc_key::is_sentry_key;
use crate::wire::sentry_trace::{SentryTrace, SENTRY_TRACE_HEADER};
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// Propagates traces in `sentry-trace` and `baggage`
/// ([Trace Propagation](https://develop.sentry.dev/sdk/foundations/trace-propagation/)).
///
/// Made by [`Sentry::propagator`]. [`SentryPropagator::new`] has no settings: it continues and
/// forwards callers' traces, and sends `sentry-trace` alone for those that start here.
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
///
/// Guide: [Composition](crate::_documentation::composition).
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

    /// Whether [`extract_with_context`](TextMapPropagator::extract_with_context) continues the
    /// trace in a carrier, and why: for a log line, or a test of your settings.
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
    /// assert_eq!(decision.to_string(), "new trace: the caller is of another organization");
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    pub fn continue_decision(&self, cx: &Context, extractor: &dyn Extractor) -> ContinueDecision {
        let remote = remote_parent(cx);
        incoming(extractor, remote.as_ref()).parent(&self.settings).0
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The context with the incoming trace as its remote parent; `None` where the trace is refused.
    /// `arrived_with_request` tells whether the trace state of the other propagator's parent did.
    pub(crate) fn continue_with(
        &self,
        cx: &Context,
        incoming: &Incoming<'_>,
        arrived_with_request: impl FnOnce() -> bool,
    ) -> Option<Context> {
        let (decision, parent) = incoming.parent(&self.settings);
        check_own_organization(&self.settings, decision);
        if decision.is_refused() {
            return None;
        }
        let parent = parent.or_else(|| {
            let remote = incoming.remote?;
            let is_flawed = is_flawed(remote);
            // What an earlier extract of ours left in the context stays there.
            let has_ours = has_ours(remote.trace_state()) && arrived_with_request();
            (is_flawed || has_ours).then(|| cleaned(remote))
        });
        let without_sentry = without_sentry_baggage(cx);
        let base = without_sentry.as_ref().unwrap_or(cx);
        Some(parent.map_or_else(|| base.clone(), |parent| base.with_remote_span_context(parent)))
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
        settings.warnings.give_noted();
        let Some(outgoing) = outgoing(settings, cx) else {
            return;
        };
        injector.set(SENTRY_TRACE_HEADER, outgoing.sentry_trace);
        if let Some(traceparent) = outgoing.traceparent {
            injector.set(TRACEPARENT_HEADER, traceparent);
        }
        if settings.rewrite_tracestate {
            let span = cx.span();
            let trace_state = span.span_context().trace_state();
            if has_ours(trace_state) {
                injector.set(TRACESTATE_HEADER, replace(trace_state, None, Ot::Keep).header());
            }
        }
        if let Some(baggage) = baggage(settings, cx, outgoing.dsc) {
            injector.set(BAGGAGE_HEADER, baggage);
        }
    }

    /// The context with the caller's span as remote parent; unchanged where no valid
    /// `sentry-trace` came, but for what is Sentry's in its baggage and its remote trace state.
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        self.settings.warnings.give_noted();
        let remote = remote_parent(cx);
        let incoming = incoming(extractor, remote.as_ref());
        if incoming.is_absent() {
            return without_sentry_baggage(cx).unwrap_or_else(|| cx.clone());
        }
        let arrived_with_request = || extractor.get(TRACESTATE_HEADER).is_some();
        let continued = self.continue_with(cx, &incoming, arrived_with_request);
        continued.unwrap_or_else(|| refuse(cx))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.settings.fields)
    }
}

/// What a carrier holds, beside the remote parent that another propagator found.
pub(crate) fn incoming<'a>(
    extractor: &'a dyn Extractor,
    remote: Option<&'a SpanContext>,
) -> Incoming<'a> {
    let sentry_trace = SentryTrace::extract(extractor);
    let mut incoming = Incoming { sentry_trace, baggage: Vec::new(), remote };
    if !incoming.is_absent() {
        incoming.baggage = extractor.get_all(BAGGAGE_HEADER).unwrap_or_default();
    }
    incoming
}

/// The context without `sentry-*` in its baggage, if there was any: a stock propagator would send
/// it to every host.
fn without_sentry_baggage(cx: &Context) -> Option<Context> {
    let baggage = cx.baggage();
    let is_sentry = |(key, _): (&Key, _)| is_sentry_key(key.as_str());
    // Common case: it is empty, which costs less to see than to iterate.
    let has_sentry = !baggage.is_empty() && baggage.iter().any(is_sentry);
    has_sentry.then(|| cx.with_baggage(own_members(baggage)))
}

fn own_members(baggage: &Baggage) -> Baggage {
    let own = baggage.iter().filter(|(key, _)| !is_sentry_key(key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The remote parent of the next span.
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
