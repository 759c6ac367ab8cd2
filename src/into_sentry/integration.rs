//! What the `sentry` crate captures, in the trace of the active OTel span.
//!
//! Sentry drops the events of spans, so this is how an error reaches its trace.

use std::sync::Arc;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context as OtelContext;
use sentry_core::protocol::{
    Context, Event, Log, LogAttribute, Metric, SpanId, TraceContext, TraceId,
};
use sentry_core::{ClientOptions, Hub, Integration};

/// The name of an event's trace context.
const TRACE: &str = "trace";

/// The attribute that names a log's span
/// ([Logs](https://develop.sentry.dev/sdk/telemetry/logs/)), and what sentry-core 0.49 writes.
const LOG_SPAN: &str = "sentry.trace.parent_span_id";
const LOG_SPAN_OF_CORE: &str = "parent_span_id";

/// An integration for the `sentry` crate: what it captures under an active OTel span gets that
/// span's trace id and span id.
///
/// ```text
/// let _guard = sentry::init((
///     dsn,
///     sentry::ClientOptions::new().add_integration(OpenTelemetryIntegration::new()),
/// ));
/// ```
///
/// - Events, including panics, get them in `process_event`; logs and metrics in `before_send_log`
///   and `before_send_metric`, before your own callbacks.
/// - Without an active OTel span nothing changes.
/// - A trace context that you set stays. So does that of a sampled Sentry span, but not that of an
///   unrecorded one, which `sentry-tracing` makes with tracing off.
/// - What is captured on a hub other than the thread's current one does not change.
///
/// The client's DSN may differ from that of these settings. The layer of `tracing-opentelemetry`
/// must activate contexts, which is its default.
///
/// Guide: [Errors](crate::_documentation::otlp#errors).
#[derive(Clone, Debug, Default)]
pub struct OpenTelemetryIntegration {
    _private: (),
}

impl OpenTelemetryIntegration {
    /// The integration. It has no options.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Integration for OpenTelemetryIntegration {
    fn name(&self) -> &'static str {
        "opentelemetry"
    }

    /// Wraps the callbacks for logs and metrics, because these pass no event processor.
    fn setup(&self, options: &mut ClientOptions) {
        let before_log = options.before_send_log.take();
        options.before_send_log = Some(Arc::new(move |mut log| {
            link_log(&mut log);
            match &before_log {
                Some(callback) => callback(log),
                None => Some(log),
            }
        }));
        let before_metric = options.before_send_metric.take();
        options.before_send_metric = Some(Arc::new(move |mut metric| {
            link_metric(&mut metric);
            match &before_metric {
                Some(callback) => callback(metric),
                None => Some(metric),
            }
        }));
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        if let Some(active) = Ids::of_active_span() {
            let is_automatic = match event.contexts.get(TRACE) {
                None => true,
                Some(Context::Trace(trace)) => {
                    let ids = Ids { trace_id: trace.trace_id, span_id: trace.span_id };
                    Ids::of_scope() == Some(ids)
                }
                Some(_) => false,
            };
            if is_automatic {
                let Ids { trace_id, span_id } = active;
                let trace = TraceContext { trace_id, span_id, ..TraceContext::default() };
                event.contexts.insert(TRACE.to_owned(), trace.into());
            }
        }
        Some(event)
    }
}

fn link_log(log: &mut Log) {
    let Some(active) = Ids::of_active_span() else { return };
    let automatic = Ids::of_scope();
    let is_automatic = log.trace_id.is_none() || log.trace_id == automatic.map(|ids| ids.trace_id);
    if !is_automatic || log.attributes.contains_key(LOG_SPAN) {
        return;
    }
    log.trace_id = Some(active.trace_id);
    let span_id = LogAttribute(active.span_id.to_string().into());
    if log.attributes.contains_key(LOG_SPAN_OF_CORE) {
        log.attributes.insert(LOG_SPAN_OF_CORE.to_owned(), span_id.clone());
    }
    log.attributes.insert(LOG_SPAN.to_owned(), span_id);
}

fn link_metric(metric: &mut Metric) {
    let Some(active) = Ids::of_active_span() else { return };
    let Some(automatic) = Ids::of_scope() else { return };
    let span_id = metric.span_id.unwrap_or(automatic.span_id);
    if (Ids { trace_id: metric.trace_id, span_id }) == automatic {
        metric.trace_id = active.trace_id;
        metric.span_id = Some(active.span_id);
    }
}

/// A place in a trace.
#[derive(Clone, Copy, PartialEq)]
struct Ids {
    trace_id: TraceId,
    span_id: SpanId,
}

impl Ids {
    /// The active OTel span, local or remote.
    fn of_active_span() -> Option<Self> {
        OtelContext::map_current(|cx| {
            let span = cx.span();
            let span_context = span.span_context();
            span_context.is_valid().then(|| Ids {
                trace_id: span_context.trace_id().to_bytes().into(),
                span_id: span_context.span_id().to_bytes().into(),
            })
        })
    }

    /// What the current scope gives to everything that does not say otherwise; none where that is
    /// a Sentry span that is sampled.
    fn of_scope() -> Option<Self> {
        // A scope can only be read where it may be changed. On a hub of our own, which shares the
        // scope until then, no change that another thread makes is lost.
        Hub::new_from_top(Hub::current()).configure_scope(|scope| {
            // It is deprecated for what `false` may mean; a span that is recorded says `true`.
            #[allow(deprecated)]
            if scope.get_span().is_some_and(|span| span.is_sampled()) {
                return None;
            }
            let (_, header) = scope.iter_trace_propagation_headers().next()?;
            let mut ids = header.split('-');
            let (trace_id, span_id) = (ids.next()?, ids.next()?);
            Some(Ids { trace_id: trace_id.parse().ok()?, span_id: span_id.parse().ok()? })
        })
    }
}
