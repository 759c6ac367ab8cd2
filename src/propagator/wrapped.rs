//! Sentry's headers beside those of another propagator, right by construction: an `Injector` can
//! only overwrite, so one of two propagators that share `baggage` has to know of the other.

use std::fmt;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;

use crate::propagator::inject::outgoing;
use crate::propagator::sentry_propagator::{refuse, remote_parent, SentryPropagator};
use crate::text::ascii::trim_ows;
use crate::tracestate::trace_state::outgoing_header;
use crate::wire::baggage::{decode, key, members, Members, OutgoingList, BAGGAGE_HEADER};
use crate::wire::dsc::DynamicSamplingContext;
use crate::wire::dsc_key::is_sentry_key;
use crate::wire::sentry_trace::{SentryTrace, SENTRY_TRACE_HEADER};
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// A [`SentryPropagator`] around another propagator, made by [`SentryPropagator::wrap`].
#[derive(Clone)]
pub struct WrappedPropagator<P> {
    sentry: SentryPropagator,
    inner: P,
    fields: Vec<String>,
}

impl SentryPropagator {
    /// This propagator around another one, so that no header and no trace is lost to either.
    ///
    /// What both write to `baggage` becomes one list. What only the other writes goes out as it
    /// is, to denied targets too, but without anything of ours: no `sentry-trace`, no `sentry-*`,
    /// no `sentry` member of `tracestate`. Of a refused trace the other sees nothing.
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
    pub fn wrap<P: TextMapPropagator>(self, inner: P) -> WrappedPropagator<P> {
        let mut fields: Vec<String> = self.fields().map(str::to_owned).collect();
        for field in inner.fields() {
            if !fields.iter().any(|known| known.eq_ignore_ascii_case(field)) {
                fields.push(field.to_owned());
            }
        }
        WrappedPropagator { sentry: self, inner, fields }
    }
}

impl<P: TextMapPropagator> TextMapPropagator for WrappedPropagator<P> {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let settings = self.sentry.settings();
        settings.warnings.say_pending();
        let mut side = Side::default();
        self.inner.inject_context(cx, &mut side);
        let inner_baggage = side.take(BAGGAGE_HEADER);
        side.take(SENTRY_TRACE_HEADER);
        if let Some(header) = side.take(TRACESTATE_HEADER) {
            let span = cx.span();
            injector.set(TRACESTATE_HEADER, outgoing_header(&header, span.span_context()));
        }
        let dsc = outgoing(settings, cx).map(|outgoing| {
            injector.set(SENTRY_TRACE_HEADER, outgoing.sentry_trace);
            if let Some(traceparent) = outgoing.traceparent {
                side.take(TRACEPARENT_HEADER);
                injector.set(TRACEPARENT_HEADER, traceparent);
            }
            outgoing.dsc
        });
        for (name, value) in side.headers {
            injector.set(&name, value);
        }
        if let Some(baggage) = self.baggage(cx, inner_baggage, dsc) {
            injector.set(BAGGAGE_HEADER, baggage);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        self.sentry.settings().warnings.say_pending();
        let lines = extractor.get_all(BAGGAGE_HEADER).unwrap_or_default();
        let mut view = View { extractor, baggage: foreign_members(&lines), hidden: Vec::new() };
        let found = self.inner.extract_with_context(cx, &view);
        // A remote parent that was there before, and did not come again, says nothing of this
        // request.
        let (before, after) = (cx.span(), found.span());
        let came = before.span_context() != after.span_context()
            || extractor.get(TRACESTATE_HEADER).is_some();
        let remote = remote_parent(&found).filter(|_| came);
        let trace = SentryTrace::extract(extractor);
        let mut dsc = DynamicSamplingContext::read(lines);
        match self.sentry.continue_with(&found, remote, trace, &mut dsc, || came) {
            Ok(continued) => continued,
            Err(_refused) => {
                let fields = self.inner.fields();
                view.hidden = fields.collect();
                refuse(&self.inner.extract_with_context(cx, &view))
            }
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

impl<P> WrappedPropagator<P> {
    /// The inner propagator's list, in which the context's own values are encoded as we do it,
    /// what else the context has where we may write, and the DSC. `None` for it: we may not.
    fn baggage(&self, cx: &Context, inner: Option<String>, dsc: Option<String>) -> Option<String> {
        let may_write = dsc.is_some();
        let mut list = OutgoingList::before(dsc.unwrap_or_default());
        let own = cx.baggage();
        let inner = inner.unwrap_or_default();
        let mut written: Vec<&str> = Vec::new();
        for member in members(&inner) {
            // The stock propagator writes a key as it is, others encode it.
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
                None => list.push_as_is(member),
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

/// The headers that the inner propagator sets.
#[derive(Default)]
struct Side {
    headers: Vec<(String, String)>,
}

impl Side {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.headers.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(self.headers.remove(at).1)
    }
}

impl Injector for Side {
    fn set(&mut self, key: &str, value: String) {
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(key)) {
            Some((_, old)) => *old = value,
            None => self.headers.push((key.to_owned(), value)),
        }
    }
}

/// The members of repeated headers that are not Sentry's, as one list.
fn foreign_members(lines: &[&str]) -> Option<String> {
    let mut list = String::new();
    for member in Members::new(lines.iter().copied()) {
        if !is_sentry_key(trim_ows(member.text)) {
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(member.text);
        }
    }
    (!list.is_empty()).then_some(list)
}

/// What the inner propagator may see of a request.
struct View<'a> {
    extractor: &'a dyn Extractor,
    baggage: Option<String>,
    hidden: Vec<&'a str>,
}

impl View<'_> {
    fn hides(&self, key: &str) -> bool {
        match key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            true => self.baggage.is_none(),
            false => self.hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(key)),
        }
    }
}

impl Extractor for View<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            self.baggage.as_deref()
        } else if self.hides(key) {
            None
        } else {
            self.extractor.get(key)
        }
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        if key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            self.baggage.as_deref().map(|list| vec![list])
        } else if self.hides(key) {
            None
        } else {
            self.extractor.get_all(key)
        }
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys = self.extractor.keys();
        keys.retain(|key| !self.hides(key));
        keys
    }
}
