//! The same request through `wrap`, around W3C's propagators and around one that forwards everything.

use opentelemetry::baggage::{Baggage, BaggageExt};
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
use super::{own, probability, sound, tracestate, w3c};

/// Around W3C's propagators: the continued trace, its DSC, and the members of other parties.
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

    // Several lines of `tracestate` are one list.
    let found = TraceContextPropagator::new().extract(&OneLine::of(carrier));
    let w3c = Some(found.span().span_context().clone()).filter(SpanContext::is_valid);
    let list = sent.get("baggage").map_or("", String::as_str);
    if let Some(fault) =
        Some(list).filter(|list| !list.is_empty()).and_then(|l| w3c::baggage(l).err())
    {
        panic!("{fault} in {list:?} of {request:?}");
    }
    assert_flags_agree(&sent);
    check_own(request, &propagator, &cx);
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
    } else if let Some(w3c) = &w3c {
        let (before, after) = (w3c.trace_state().header(), span_context.trace_state().header());
        // A list that the stock propagator cannot read is lost, or its valid part is kept.
        if !before.is_empty() {
            probability::assert_passed(&before, &after, &trace.trace_id, w3c.is_sampled());
        }
        sound::assert_request(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
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

/// `traceparent` has `01` exactly when `sentry-trace` has `-1`.
#[track_caller]
fn assert_flags_agree(sent: &super::request::Headers) {
    if let (Some(trace), Some(parent)) = (sent.get("sentry-trace"), sent.get("traceparent")) {
        assert_eq!(trace.ends_with("-1") && trace.len() > 49, parent.ends_with("-01"), "{sent:?}");
    }
}

/// The context's own members, added after extract, are sent unchanged and nothing is added to them.
fn check_own(request: &Request, propagator: &dyn TextMapPropagator, cx: &Context) {
    let known = cx.baggage().iter().map(|(key, value)| (key.clone(), value.clone()));
    let mut all: Baggage = known.collect();
    for (key, value) in &request.own {
        let (value, metadata) = value.split_once(';').unwrap_or((value, ""));
        let _ = all.insert_with_metadata(key.clone(), value.to_owned(), metadata);
    }
    let bytes: usize = all
        .iter()
        .map(|(key, (value, meta))| {
            key.as_str().len() + 3 * (value.as_str().len() + meta.as_str().len())
        })
        .sum();
    let cx = cx.with_baggage(all);
    let mut sent = super::request::Headers::new();
    propagator.inject_context(&cx, &mut sent);
    let dsc = entries(&[sent.get("baggage").map_or("", String::as_str)]);
    // Below the limits, where no member is displaced.
    if cx.baggage().len() + dsc.len() < 60 && bytes + reader::list(&dsc).len() < 6000 {
        if let Some(fault) = own::fault(&sent, &cx) {
            panic!("{fault} of {:?}, {request:?}", cx.baggage());
        }
    }
}

/// A carrier whose `tracestate` is one line.
struct OneLine<'a>(&'a dyn Extractor, String);

impl<'a> OneLine<'a> {
    fn of(carrier: &'a dyn Extractor) -> Self {
        OneLine(carrier, carrier.get_all("tracestate").unwrap_or_default().join(","))
    }
}

impl Extractor for OneLine<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "tracestate" => Some(&self.1),
            key => self.0.get(key),
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys()
    }
}

/// The continued trace, its DSC if it arrived, and whether Sentry knows the trace.
pub(crate) fn chosen(
    request: &Request,
    carrier: &dyn Extractor,
    w3c: Option<&SpanContext>,
) -> Option<(Trace, Entries, bool)> {
    let lines = carrier.get_all("baggage").unwrap_or_default();
    let mut came = entries(&lines);
    let sentry =
        shown(carrier, "sentry-trace").and_then(|lines| reader::first_sentry_trace(&lines));
    // If a DSC that is taken for its trace id leaves the decision open, `00` decides nothing.
    let is_open = |trace_id: &str| {
        let named = reader::value(&came, "trace_id").unwrap_or_default();
        sentry.as_ref().map_or(true, |sentry| sentry.trace_id != trace_id)
            && !named.is_empty()
            && !reader::names_other_trace(&came, trace_id)
            && !reader::says_sampled(&came)
    };
    let w3c = w3c.map(|w3c| {
        let trace_id = w3c.trace_id().to_string();
        let sampled = Some(w3c.is_sampled()).filter(|sampled| *sampled || !is_open(&trace_id));
        Trace { trace_id, span_id: w3c.span_id().to_string(), sampled }
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
            let is_valid = w3c::baggage(&member).is_ok();
            let member = if is_valid { member } else { reader::sendable(&member) };
            let next = format!("{comma}{member}");
            if count < MAX_MEMBERS && expected.len() + next.len() + reserved <= MAX_BYTES {
                expected += &next;
                count += 1;
            }
        }
    }
    let comma = if expected.is_empty() || dsc.is_empty() { "" } else { "," };
    // A text that W3C's grammar rejects as a member is not sent.
    let lines = carrier.get_all("baggage").unwrap_or_default();
    let foreign = reader::foreign(&lines);
    if foreign.iter().all(|member| w3c::baggage(member).is_ok()) {
        assert_eq!(list, format!("{expected}{comma}{dsc}"));
    } else if !list.is_empty() {
        if let Err(fault) = w3c::baggage(&list) {
            panic!("{fault} in {list:?} of {foreign:?}");
        }
    }
}

/// Stores the incoming `baggage` and writes it back.
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
