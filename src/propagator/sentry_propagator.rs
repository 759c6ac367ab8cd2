//! The propagator: Sentry's headers in terms of OTel's `TextMapPropagator`.

use std::fmt;
use std::sync::Arc;

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;

use crate::propagator::context::{remote_parent, without_remote_parent, without_sentry_baggage};
use crate::propagator::continue_decision::ContinueDecision;
use crate::propagator::extract::{warn_of_unknown_organization, Incoming};
use crate::propagator::inject::{with_own_baggage, Outgoing};
use crate::settings::sentry::{Sentry, Settings};
use crate::tracestate::list::{cleaned, has_ours, is_flawed, replace};
use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
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
        let span = cx.span();
        let incoming = Incoming::read(&self.settings, extractor, remote_parent(&span));
        incoming.map_or(ContinueDecision::NoTrace, |incoming| incoming.parent(&self.settings).0)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The context with the incoming trace as its remote parent; `None` if the trace is refused.
    /// `arrived_with_request` tells whether another propagator's remote parent got its trace state
    /// from this request.
    pub(crate) fn apply(
        &self,
        cx: &Context,
        incoming: &Incoming<'_>,
        arrived_with_request: impl FnOnce() -> bool,
    ) -> Option<Context> {
        let (decision, parent) = incoming.parent(&self.settings);
        warn_of_unknown_organization(&self.settings, decision);
        if decision.is_refused() {
            return None;
        }
        // No Sentry trace, so another propagator's parent stays, with a valid trace state.
        let parent = parent.or_else(|| {
            let remote = incoming.remote?;
            let is_flawed = is_flawed(remote);
            // Our member stays if an earlier extract of this crate left it in the context. In a
            // request, another party may have written it.
            let has_ours = has_ours(remote.trace_state()) && arrived_with_request();
            (is_flawed || has_ours).then(|| cleaned(remote))
        });
        let base = without_sentry_baggage(cx);
        Some(match parent {
            Some(parent) => base.with_remote_span_context(parent),
            None => base.into_owned(),
        })
    }
}

impl Default for SentryPropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl TextMapPropagator for SentryPropagator {
    /// Writes nothing if the context has no valid span, telemetry is suppressed, or the request's
    /// URL is denied.
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let settings = &*self.settings;
        settings.warnings.log_noted();
        let Some(outgoing) = Outgoing::compose(settings, cx) else {
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
                injector.set(TRACESTATE_HEADER, replace(trace_state, None, None).header());
            }
        }
        if let Some(baggage) = with_own_baggage(settings, cx, outgoing.dsc) {
            injector.set(BAGGAGE_HEADER, baggage);
        }
    }

    /// Sets the caller's span as remote parent if its Sentry trace is continued. A refused trace's
    /// remote parent is removed. `sentry-*` is always removed from the context's baggage, and a
    /// remote trace state is made valid.
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        self.settings.warnings.log_noted();
        let span = cx.span();
        // Common case: no trace headers.
        let Some(incoming) = Incoming::read(&self.settings, extractor, remote_parent(&span)) else {
            return without_sentry_baggage(cx).into_owned();
        };
        let arrived_with_request = || extractor.get(TRACESTATE_HEADER).is_some();
        let applied = self.apply(cx, &incoming, arrived_with_request);
        applied.unwrap_or_else(|| without_remote_parent(cx))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.settings.fields)
    }
}

impl fmt::Debug for SentryPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentryPropagator")
            .field("fields", &self.settings.fields)
            .finish_non_exhaustive()
    }
}
