//! Sentry's headers combined with those of another propagator. An `Injector` can only overwrite: if
//! two propagators write `baggage`, one must merge what the other wrote.

use std::borrow::Cow;
use std::fmt;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanRef, TraceContextExt};
use opentelemetry::Context;

use crate::propagator::captured_headers::CapturedHeaders;
use crate::propagator::context::{remote_parent, without_remote_parent, without_sentry_baggage};
use crate::propagator::continue_decision::ContinueDecision;
use crate::propagator::extract::Incoming;
use crate::propagator::filtered_extractor::FilteredExtractor;
use crate::propagator::inject::Outgoing;
use crate::propagator::sentry_propagator::SentryPropagator;
use crate::tracestate::list::{ot_beside_ours, outgoing_header, without_trace_state};
use crate::wire::baggage::{decode, key, members, BAGGAGE_HEADER};
use crate::wire::dsc_key::{is_sentry_key, SentryMembers};
use crate::wire::outgoing_baggage::{unambiguous, OutgoingBaggage};
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::{with_sampled_flag, TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// A [`SentryPropagator`] around another propagator, made by [`SentryPropagator::wrap`].
#[derive(Clone)]
pub struct WrappedPropagator<P> {
    sentry: SentryPropagator,
    inner: P,
    fields: Vec<String>,
    within_targets: bool,
}

impl SentryPropagator {
    /// Wraps another propagator, so that neither loses a header or a trace.
    ///
    /// The `baggage` of both becomes one list. The other's headers are sent unchanged, even to
    /// denied targets, but without ours: no `sentry-trace`, no `sentry-*`, no `sentry` member of
    /// `tracestate`. If the trace state has only our member and OTel's `ot`, the other is given
    /// none, and `ot` is appended to the `tracestate` that it writes, if it writes W3C's headers.
    ///
    /// The other sees nothing of a refused trace: it then extracts once more without its
    /// [`fields`](TextMapPropagator::fields), which must name every header with a trace.
    ///
    /// Several go through one `TextMapCompositePropagator`:
    ///
    /// ```
    /// # #[cfg(feature = "sdk")] {
    /// use opentelemetry::global;
    /// use opentelemetry::propagation::TextMapCompositePropagator;
    /// use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
    /// use opentelemetry_sentry::SentryPropagator;
    ///
    /// global::set_text_map_propagator(SentryPropagator::new().wrap(
    ///     TextMapCompositePropagator::new(vec![
    ///         Box::new(TraceContextPropagator::new()),
    ///         Box::new(BaggagePropagator::new()),
    ///     ]),
    /// ));
    /// # }
    /// ```
    ///
    /// Guide: [Composition](crate::_documentation::composition).
    pub fn wrap<P: TextMapPropagator>(self, inner: P) -> WrappedPropagator<P> {
        let mut fields: Vec<String> = self.fields().map(str::to_owned).collect();
        for field in inner.fields() {
            if !fields.iter().any(|known| known.eq_ignore_ascii_case(field)) {
                fields.push(field.to_owned());
            }
        }
        WrappedPropagator { sentry: self, inner, fields, within_targets: false }
    }
}

impl<P: TextMapPropagator> WrappedPropagator<P> {
    /// Applies the trace propagation targets to the inner propagator too: a request that gets no
    /// Sentry headers gets none of its headers either.
    ///
    /// ```
    /// # #[cfg(feature = "sdk")] {
    /// use opentelemetry_sdk::propagation::TraceContextPropagator;
    /// use opentelemetry_sentry::Sentry;
    ///
    /// let sentry = Sentry::builder()
    ///     .trace_propagation_targets(["https://api.myecommerce.com/"])
    ///     .build()?;
    /// let propagator = sentry.propagator().wrap(TraceContextPropagator::new()).within_targets();
    /// # }
    /// # Ok::<(), opentelemetry_sentry::ConfigError>(())
    /// ```
    #[must_use]
    pub fn within_targets(self) -> Self {
        WrappedPropagator { within_targets: true, ..self }
    }

    /// Like [`SentryPropagator::continue_decision`], with the parent that the inner propagator
    /// finds.
    pub fn continue_decision(&self, cx: &Context, extractor: &dyn Extractor) -> ContinueDecision {
        let settings = self.sentry.settings();
        let found = self.inner_context(cx, extractor);
        let span = found.span();
        let remote = found_parent(cx, extractor, &span);
        let incoming = Incoming::read(settings, extractor, remote);
        incoming.map_or(ContinueDecision::NoTrace, |incoming| incoming.parent(settings).0)
    }
}

impl<P: TextMapPropagator> TextMapPropagator for WrappedPropagator<P> {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let settings = self.sentry.settings();
        settings.warnings.log_noted();
        let outgoing = Outgoing::compose(settings, cx);
        if self.within_targets && outgoing.is_none() {
            return;
        }
        let span = cx.span();
        let span_context = span.span_context();
        // Common case: the trace state needs nothing of the inner propagator. `ot` is appended
        // below.
        let ot = ot_beside_ours(span_context);
        let mut inner_cx = Cow::Borrowed(cx);
        if ot.is_some() {
            inner_cx = Cow::Owned(cx.with_remote_span_context(without_trace_state(span_context)));
        }
        if let Some(encoded) = unambiguous(cx.baggage()) {
            inner_cx = Cow::Owned(inner_cx.with_baggage(encoded));
        }
        let mut captured = CapturedHeaders::default();
        self.inner.inject_context(&inner_cx, &mut captured);
        let CapturedHeaders { baggage, mut traceparent, tracestate, others } = captured;
        // One of W3C's may write no header for an empty list. B3's, which knows no `tracestate`, gets
        // none from here.
        let is_left_out = || traceparent.is_some() && ot.as_ref().is_some_and(|ot| !ot.is_empty());
        if let Some(written) = tracestate.or_else(|| is_left_out().then(String::new)) {
            let header = match ot {
                Some(ot) if written.is_empty() => ot,
                Some(ot) => outgoing_header(&format!("{written},{ot}"), span_context),
                None => outgoing_header(&written, span_context),
            };
            injector.set(TRACESTATE_HEADER, header);
        }
        let mut dsc = None;
        if let Some(outgoing) = outgoing {
            injector.set(SENTRY_TRACE_HEADER, outgoing.sentry_trace);
            // If a caller's decision is forwarded, the span's own flag may contradict it.
            let sampled = outgoing.sampled == Some(true);
            let corrected = traceparent.map(|header| with_sampled_flag(header, sampled));
            traceparent = outgoing.traceparent.or(corrected);
            dsc = Some(outgoing.dsc);
        }
        if let Some(traceparent) = traceparent {
            injector.set(TRACEPARENT_HEADER, traceparent);
        }
        for (name, value) in others {
            injector.set(&name, value);
        }
        if let Some(baggage) = self.baggage(cx, baggage, dsc) {
            injector.set(BAGGAGE_HEADER, baggage);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let settings = self.sentry.settings();
        settings.warnings.log_noted();
        let found = self.inner_context(cx, extractor);
        let span = found.span();
        let remote = found_parent(cx, extractor, &span);
        let Some(incoming) = Incoming::read(settings, extractor, remote) else {
            return without_sentry_baggage(&found).into_owned();
        };
        let applied = self.sentry.apply(&found, &incoming, || true);
        applied.unwrap_or_else(|| {
            let filtered = FilteredExtractor::new(extractor, self.inner.fields().collect());
            without_remote_parent(&self.inner.extract_with_context(cx, &filtered))
        })
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

impl<P: TextMapPropagator> WrappedPropagator<P> {
    /// The context that the inner propagator extracts.
    fn inner_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let filtered = FilteredExtractor::new(extractor, Vec::new());
        self.inner.extract_with_context(cx, &filtered)
    }
}

/// The remote parent that the inner propagator found in this request, if it was not in `cx`
/// already. A changed span context, or a `tracestate` header, shows that the request carried one.
fn found_parent<'a>(
    cx: &Context,
    extractor: &dyn Extractor,
    found: &'a SpanRef<'_>,
) -> Option<&'a SpanContext> {
    let arrived = |parent: &&SpanContext| {
        cx.span().span_context() != *parent || extractor.get(TRACESTATE_HEADER).is_some()
    };
    remote_parent(found).filter(arrived)
}

impl<P> WrappedPropagator<P> {
    /// The inner propagator's list, with the context's own values in our encoding, then members
    /// that only the context has, then the DSC. `dsc` is `None` if the request may carry only what
    /// the inner propagator wrote.
    fn baggage(
        &self,
        cx: &Context,
        inner: Option<String>,
        dsc: Option<SentryMembers>,
    ) -> Option<String> {
        let own = cx.baggage();
        if inner.is_none() && own.is_empty() {
            return dsc.filter(|dsc| dsc.count > 0).map(|dsc| dsc.list);
        }
        let may_write = dsc.is_some();
        let mut list = OutgoingBaggage::before(dsc.unwrap_or_default());
        let inner = inner.unwrap_or_default();
        let mut written: Vec<&str> = Vec::with_capacity(own.len());
        for member in members(&inner) {
            // The stock propagator does not encode keys; others do.
            let raw = key(member);
            let decoded = decode(raw);
            let named = |name: &str| own.iter().find(|(own_key, _)| own_key.as_str() == name);
            match named(raw).or_else(|| named(&decoded)) {
                _ if is_sentry_key(member) || is_sentry_key(&decoded) => {}
                Some((own_key, _)) if written.contains(&own_key.as_str()) => {}
                Some((own_key, (value, metadata))) => {
                    list.push(own_key.as_str(), value.as_str(), metadata);
                    written.push(own_key.as_str());
                }
                None => list.push_valid(member),
            }
        }
        if may_write {
            for (key, (value, metadata)) in own {
                let key = key.as_str();
                if !is_sentry_key(key) && !written.contains(&key) {
                    list.push(key, value.as_str(), metadata);
                }
            }
        }
        self.sentry.settings().warnings.check_overflow(&list);
        list.finish()
    }
}

impl<P: fmt::Debug> fmt::Debug for WrappedPropagator<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedPropagator")
            .field("sentry", &self.sentry)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
