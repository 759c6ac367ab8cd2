//! Checks the result of an operation before it is measured.

use http::HeaderMap;

use crate::input::{carrier, TRACE_ID};
use crate::operation::{Extracted, Operation};
use crate::scenario::{Propagator, Scenario, Step};

pub(crate) fn check(scenario: &Scenario, operation: &dyn Operation) {
    let Scenario { step, input, propagator, .. } = *scenario;
    let ours = matches!(
        propagator,
        Propagator::Sentry | Propagator::Wrapped | Propagator::WrappedTraceContext
    );
    let theirs = propagator == Propagator::SentryOpentelemetry;

    if matches!(step, Step::Extract | Step::Full) && !theirs {
        let expected = (!input.is_absent()).then(|| Extracted {
            trace_id: TRACE_ID.to_owned(),
            sampled: input.sampled() == Some(true),
            has_member: ours,
        });
        assert_eq!(operation.extracted(), expected, "{scenario:?}");
    }

    let mut headers = carrier();
    let before = headers.len();
    operation.run(&mut headers);
    let names: &[&str] = match (step, propagator) {
        (Step::Extract | Step::FirstSpan | Step::Span | Step::ClientSpan, _) => &[],
        (Step::InjectDenied, Propagator::Sentry) => &[],
        (_, Propagator::Sentry | Propagator::Floor) => &["sentry-trace", "baggage"],
        (_, Propagator::Wrapped | Propagator::WrappedTraceContext) => {
            &["sentry-trace", "baggage", "traceparent", "tracestate"]
        }
        // Without an incoming trace there is no baggage in the context.
        (Step::InjectHead, Propagator::Stock) => &["traceparent", "tracestate"],
        (_, Propagator::Stock) => &["baggage", "traceparent", "tracestate"],
        (_, Propagator::TraceContext) => &["traceparent", "tracestate"],
        (_, Propagator::SentryOpentelemetry) => &["sentry-trace"],
    };
    for name in names {
        assert!(headers.contains_key(*name), "{scenario:?}: no {name}: {headers:?}");
    }
    assert_eq!(headers.len() - before, names.len(), "{scenario:?}: {headers:?}");
    if (ours || propagator == Propagator::Floor) && !names.is_empty() {
        check_sentry_headers(scenario, &headers);
    }
}

fn check_sentry_headers(scenario: &Scenario, headers: &HeaderMap) {
    let value = |name: &str| headers[name].to_str().expect("an ASCII header");
    let (sentry_trace, baggage) = (value("sentry-trace"), value("baggage"));
    let members: &[&str] = match scenario.step {
        Step::InjectHead => &["sentry-sampled=true", "sentry-release=shop%401"],
        Step::InjectUserBaggage => &["tenant=7", "user=alice%20smith", "sentry-org_id=42"],
        _ => &["sentry-org_id=42", "sentry-public_key=49d0f7386ad645858ae85020e393bef3"],
    };
    for member in members {
        assert!(baggage.split(',').any(|it| it == *member), "{scenario:?}: {headers:?}");
    }
    let flag = match scenario.input.sampled() {
        Some(true) => "-1",
        Some(false) => "-0",
        None => "",
    };
    assert_eq!(sentry_trace.get(49..), Some(flag), "{scenario:?}: {headers:?}");
    let continued = sentry_trace.starts_with(TRACE_ID);
    assert_eq!(continued, scenario.step != Step::InjectHead, "{scenario:?}: {headers:?}");
}
