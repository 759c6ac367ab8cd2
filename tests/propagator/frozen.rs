//! An incoming DSC is never replaced: an empty frozen one, and one of another trace.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{Sentry, SentryBuilder, SentryPropagator};

use crate::common::service::Service;
use crate::common::{headers, inject, sentry_trace, Headers, DSN, OTHER_TRACE_ID, TRACE_ID};

fn full() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("shop@1.2.3").environment("staging")
}

/// A bare `sentry-trace` freezes an empty DSC: ours would claim another head.
#[test]
fn a_trace_without_a_dsc_does_not_get_ours() {
    let sentry = full().build().unwrap();
    for flag in ["-1", "-0", ""] {
        for list in [None, Some("tenant=7"), Some("sentry-"), Some("Sentry-release=x")] {
            let trace = sentry_trace(flag);
            let list = list.map(|list| ("baggage", list));
            let incoming = headers([("sentry-trace", &*trace)].into_iter().chain(list));
            let service = Service::new(&sentry, Sampler::AlwaysOn);
            let cx = service.receive(&incoming);
            for cx in [cx.clone(), service.client(&cx)] {
                assert!(!service.send(&cx).contains_key("baggage"), "{flag} {list:?}");
                let sent = service.send(&cx.with_baggage([KeyValue::new("user", "1")]));
                assert_eq!(sent["baggage"], "user=1", "{flag} {list:?}");
            }
        }
    }
}

/// `sentry-trace` determines the trace, so another trace's DSC is dropped.
#[test]
fn a_dsc_of_another_trace_is_dropped() {
    let rows = [
        ("the same", format!("sentry-trace_id={TRACE_ID}"), true),
        ("upper case", format!("sentry-trace_id={}", TRACE_ID.to_uppercase()), true),
        ("encoded", format!("sentry-trace_id=%37{}", &TRACE_ID[1..]), true),
        ("missing", String::new(), true),
        ("empty", "sentry-trace_id=".to_owned(), true),
        ("another", format!("sentry-trace_id={OTHER_TRACE_ID}"), false),
        ("a prefix of it", format!("sentry-trace_id={}", &TRACE_ID[1..]), false),
        ("no id", "sentry-trace_id=1".to_owned(), false),
        ("the last one counts", format!("sentry-trace_id={TRACE_ID},sentry-trace_id=1"), false),
    ];
    for (name, trace_id, kept) in rows {
        let list = format!("sentry-sample_rand=0.5,sentry-release=x,{trace_id}");
        let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", &*list)]);
        for propagator in [SentryPropagator::new(), full().build().unwrap().propagator()] {
            let sent = forwarded(&propagator, &incoming);
            assert_eq!(sent["sentry-trace"], sentry_trace("-1"), "{name}");
            let list = kept.then_some(list.trim_end_matches(','));
            assert_eq!(sent.get("baggage").map(String::as_str), list, "{name}");
        }
        // It does not reappear below our span.
        let service = Service::new(&full().build().unwrap(), Sampler::AlwaysOn);
        let sent = service.relay(&incoming);
        let list = kept.then_some(list.trim_end_matches(','));
        assert_eq!(sent.get("baggage").map(String::as_str), list, "{name}: below a span");
    }
}

/// A dropped DSC still identifies the organization of the trace.
#[test]
fn the_organization_is_read_before_the_dsc_is_dropped() {
    let list = format!("sentry-trace_id={OTHER_TRACE_ID},sentry-org_id=");
    for (org_id, continued) in [("1", true), ("2", false)] {
        let list = format!("{list}{org_id}");
        let incoming = headers([("sentry-trace", &*sentry_trace("-1")), ("baggage", &*list)]);
        let sent = forwarded(&full().build().unwrap().propagator(), &incoming);
        assert_eq!(sent.len(), usize::from(continued), "{sent:?}");
    }
}

fn forwarded(propagator: &SentryPropagator, incoming: &Headers) -> Headers {
    inject(propagator, &propagator.extract_with_context(&Context::new(), incoming))
}
