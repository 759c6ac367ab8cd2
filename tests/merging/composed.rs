//! The merging carrier under each composition of propagators.

use crate::lists::Composition;
use crate::{map, OLD};
use http::header::HeaderMap;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::Context;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sentry::MergingInjector;
use opentelemetry_sentry::Sentry;

fn sentry() -> Sentry {
    Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
        .propagate_traceparent(true)
        .build()
        .expect("settings")
}

fn contexts(composition: Composition) -> [Context; 3] {
    let own = || -> Baggage {
        let mut own = Baggage::new();
        let _ = own.insert("cart", "3 items");
        own
    };
    let trace = "12312012123120121231201212312012-1121201211212012";
    let incoming = map(&[
        ("sentry-trace", &format!("{trace}-1")),
        ("traceparent", &format!("00-{trace}-01")),
        ("baggage", "sentry-release=theirs,sentry-sample_rand=0.500000"),
    ]);
    let continued = composition
        .propagator(&sentry())
        .extract_with_context(&Context::new(), &HeaderExtractor(&incoming))
        .with_baggage(own());
    let span = continued.span().span_context().clone();
    let foreign = opentelemetry::trace::SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        true,
        Default::default(),
    );
    [
        continued,
        Context::new().with_baggage(own()),
        Context::new().with_baggage(own()).with_remote_span_context(foreign),
    ]
}

#[test]
fn an_empty_request_gets_what_the_plain_carrier_gives_it() {
    for composition in Composition::ALL.into_iter().filter(|c| !c.baggage_follows()) {
        let propagator = composition.propagator(&sentry());
        for cx in contexts(composition) {
            let (mut plain, mut merged) = (HeaderMap::new(), HeaderMap::new());
            propagator.inject_context(&cx, &mut HeaderInjector(&mut plain));
            propagator.inject_context(&cx, &mut MergingInjector(&mut merged));
            assert_eq!(merged, plain, "{}", composition.name());
        }
    }
}

#[test]
fn injected_twice_it_stays_the_same() {
    for composition in Composition::ALL {
        let propagator = composition.propagator(&sentry());
        for cx in contexts(composition) {
            let mut headers = map(&[("baggage", "a=1,sentry-x=9"), ("sentry-trace", OLD)]);
            propagator.inject_context(&cx, &mut MergingInjector(&mut headers));
            let once = headers.clone();
            propagator.inject_context(&cx, &mut MergingInjector(&mut headers));
            assert_eq!(headers, once, "{}", composition.name());
        }
    }
}

/// This limits the loss in the wrong order: the DSC stays.
#[test]
fn a_later_baggage_propagator_overwrites_nothing() {
    let composition = Composition::SentryW3cBaggage;
    let propagator = composition.propagator(&sentry());
    let [_, _, first] = contexts(composition);
    let mut headers = HeaderMap::new();
    propagator.inject_context(&first, &mut MergingInjector(&mut headers));
    let list = headers["baggage"].to_str().expect("text");
    assert!(list.contains("sentry-public_key="), "{list}");
    assert_eq!(list.matches("cart=3%20items").count(), 1, "{list}");
}
