//! The same request through `wrap`, around W3C's propagators and around one that forwards everything.

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{
    Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::Sentry;

use super::forwarded::assert_forwarded;
use super::reader::{self, entries, Entries, Trace, MAX_BYTES, MAX_MEMBERS};
use super::request::{send, shown, Request};
use super::{sound, tracestate};

/// Around W3C's: which trace is continued, with which DSC, and with which members of other parties.
pub(crate) fn check_carrier(request: &Request, sentry: &Sentry, carrier: &dyn Extractor) {
    let inner = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]);
    let propagator = sentry.propagator().wrap(inner);
    let cx = propagator.extract_with_context(&request.context(), carrier);
    let mut sent = super::request::Headers::new();
    propagator.inject_context(&cx, &mut sent);
    let span = cx.span();
    let span_context = span.span_context();

    // What another propagator read is forwarded unchanged, even if W3C's grammar forbids it.
    let found = TraceContextPropagator::new().extract(carrier);
    let w3c = Some(found.span().span_context().clone()).filter(SpanContext::is_valid);
    let Some((trace, came, is_ours)) = chosen(request, carrier, w3c.as_ref()) else {
        assert!(!span_context.is_valid(), "{request:?}");
        assert!(!sent.contains_key("sentry-trace"), "{request:?}");
        return;
    };
    assert_eq!(span_context.trace_id().to_string(), trace.trace_id, "{request:?}");
    assert_eq!(span_context.span_id().to_string(), trace.span_id, "{request:?}");
    assert_eq!(span_context.is_sampled(), trace.sampled == Some(true), "{request:?}");
    if is_ours {
        sound::assert_request(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let others = w3c.filter(|w3c| w3c.trace_id() == span_context.trace_id());
        let before = others.map(|w3c| w3c.trace_state().header()).unwrap_or_default();
        tracestate::assert_others_kept(&before, &span_context.trace_state().header());
        tracestate::assert_probability(span_context);
    }
    let tracestate = sent.get("tracestate").map_or("", String::as_str);
    let keys = tracestate.split(',').filter_map(|member| member.split_once('='));
    assert!(keys.clone().all(|(key, _)| !tracestate::is_ours(key)), "{tracestate:?}");
    if request.service.nowhere {
        assert!(!sent.contains_key("sentry-trace"), "{request:?}");
        return;
    }
    assert_eq!(sent.get("sentry-trace"), Some(&trace.header()), "{request:?}");
    let sent_entries = entries(&[sent.get("baggage").map_or("", String::as_str)]);
    if is_ours {
        assert_forwarded(&trace, &came, &sent_entries, keys.count() <= 28, request);
    } else if !request.service.dsn {
        assert!(sent_entries.is_empty(), "{sent_entries:?} of {request:?}");
    }
}

/// The continued trace, its incoming DSC, and whether Sentry knows it.
pub(crate) fn chosen(
    request: &Request,
    carrier: &dyn Extractor,
    w3c: Option<&SpanContext>,
) -> Option<(Trace, Entries, bool)> {
    let lines = carrier.get_all("baggage").unwrap_or_default();
    let mut came = entries(&lines);
    let sentry =
        shown(carrier, "sentry-trace").and_then(|lines| reader::first_sentry_trace(&lines));
    let w3c = w3c.map(|w3c| Trace {
        trace_id: w3c.trace_id().to_string(),
        span_id: w3c.span_id().to_string(),
        sampled: Some(w3c.is_sampled()),
    });
    let trace = match (sentry.clone(), w3c) {
        (_, Some(w3c)) if request.service.prefer_traceparent => w3c,
        (Some(sentry), Some(w3c)) if sentry.trace_id == w3c.trace_id => {
            Trace { sampled: sentry.sampled.or(w3c.sampled.filter(|sampled| *sampled)), ..sentry }
        }
        (Some(sentry), _) => sentry,
        (None, w3c) => w3c?,
    };
    let names_other = reader::names_other_trace(&came, &trace.trace_id);
    let names_none = reader::value(&came, "trace_id").map_or(true, str::is_empty);
    let is_sentry_trace = sentry.is_some_and(|sentry| sentry.trace_id == trace.trace_id);
    if !is_sentry_trace && (names_other || names_none) {
        return Some((trace, Entries::new(), false));
    }
    if reader::refuses(request.service.org_id(), request.service.strict, &came) {
        return None;
    }
    if names_other {
        came.clear();
    }
    Some((trace, came, true))
}

/// Other parties' members are sent byte for byte before the DSC, within the limits.
pub(crate) fn check_third_party(sentry: &Sentry, carrier: &dyn Extractor) {
    let propagator = sentry.propagator().wrap(PassesOn);
    let cx = propagator.extract(carrier);
    let sent = send(&propagator, &cx);
    let list = sent.get("baggage").cloned().unwrap_or_default();
    let dsc = reader::list(&entries(&[&list]));
    let reserved = if dsc.is_empty() { 0 } else { dsc.len() + 1 };
    let mut count = dsc.split(',').filter(|member| !member.is_empty()).count();
    let mut expected = String::new();
    for member in reader::foreign(&carrier.get_all("baggage").unwrap_or_default()) {
        let key = member.split('=').next().unwrap_or_default();
        if !member.contains('=') || !reader::decoded(reader::trim(key)).starts_with("sentry-") {
            let comma = if expected.is_empty() { "" } else { "," };
            let next = format!("{comma}{}", reader::sendable(&member));
            if count < MAX_MEMBERS && expected.len() + next.len() + reserved <= MAX_BYTES {
                expected += &next;
                count += 1;
            }
        }
    }
    let comma = if expected.is_empty() || dsc.is_empty() { "" } else { "," };
    assert_eq!(list, format!("{expected}{comma}{dsc}"));
}

/// Stores the `baggage` that it sees and writes the same.
#[derive(Debug)]
struct PassesOn;

struct Kept(String);

impl TextMapPropagator for PassesOn {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        if let Some(Kept(list)) = cx.get::<Kept>() {
            injector.set("baggage", list.clone());
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        match extractor.get("baggage") {
            Some(list) => cx.with_value(Kept(list.to_owned())),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}
