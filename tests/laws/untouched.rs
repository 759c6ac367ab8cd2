//! The effect of extract on a context that is not empty.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::Sentry;

use super::probability::assert_passed;
use super::request::Request;
use super::wrapped::chosen;

/// Another party's value.
struct Marker;

/// Without a continued trace, extract removes three things from a context: `sentry-*` from its
/// baggage, our members from a remote trace state, and the rejected remote parent.
pub(crate) fn check(request: &Request, sentry: &Sentry, carrier: &dyn Extractor) {
    let found = TraceContextPropagator::new().extract(carrier);
    let remote = Some(found.span().span_context().clone()).filter(SpanContext::is_valid);
    for suppressed in [false, true] {
        let mut before = request.context().with_value(Marker);
        if let Some(remote) = &remote {
            before = before.with_remote_span_context(remote.clone());
        }
        if suppressed {
            before = before.with_telemetry_suppressed();
        }
        let after = sentry.propagator().extract_with_context(&before, carrier);
        assert_eq!(after.is_telemetry_suppressed(), suppressed);
        assert_same_baggage(&before, &after);
        let continued = chosen(request, carrier, remote.as_ref());
        let is_refused = continued.is_none() && remote.is_some();
        assert_eq!(after.get::<Marker>().is_some(), !is_refused, "{request:?}");
        match continued {
            None => assert!(!after.has_active_span(), "{request:?}"),
            Some((_, _, false)) => {
                let remote = remote.as_ref().expect("a remote parent");
                let span = after.span();
                let (is, trace_id) = (span.span_context(), remote.trace_id().to_string());
                assert_eq!(is.trace_id(), remote.trace_id(), "{request:?}");
                assert_eq!(is.span_id(), remote.span_id(), "{request:?}");
                assert_eq!(is.is_sampled(), remote.is_sampled(), "{request:?}");
                let (was, is) = (remote.trace_state().header(), is.trace_state().header());
                assert_passed(&was, &is, &trace_id, remote.is_sampled());
            }
            Some((trace, _, true)) => {
                let span = after.span();
                assert_eq!(span.span_context().trace_id().to_string(), trace.trace_id);
                assert_eq!(span.span_context().span_id().to_string(), trace.span_id);
            }
        }
    }
}

/// Asserts that the members are the same except that `sentry-*` members are gone.
#[track_caller]
pub(crate) fn assert_same_baggage(before: &Context, after: &Context) {
    let mut kept = 0;
    for (key, (value, metadata)) in before.baggage() {
        if !key.as_str().starts_with("sentry-") {
            kept += 1;
            let found = after.baggage().get_with_metadata(key.as_str());
            assert_eq!(found, Some(&(value.clone(), metadata.clone())), "{key}");
        }
    }
    assert_eq!(after.baggage().len(), kept);
}
