//! The user's functions run while a span starts: a panic there makes no decision, and the spans
//! that they start are not traced.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SdkTracer, ShouldSample};
use opentelemetry_sentry::{OutgoingUrlExt, PropagationTargets, Sentry, SentryBuilder, Target};

use crate::common::service::Service;
use crate::common::warnings::{assert_one, warnings};
use crate::common::{dsc_value, flag, headers, remote, sentry_trace, Headers, DSN};

fn panicking() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sampler(|_| panic!("no route"))
}

/// The same as without a callback: the caller's decision, otherwise the rate, otherwise 0.
#[test]
fn a_panic_is_no_decision() {
    let rows = [
        (None, panicking(), "0", Some("0")),
        (None, panicking().traces_sample_rate(1.0), "1", Some("1")),
        (None, panicking().traces_sample_rate(0.1), "0", Some("0.1")),
        (Some(""), panicking(), "0", Some("0")),
        (Some(""), panicking().traces_sample_rate(1.0), "1", Some("1")),
        (Some("-1"), panicking(), "1", None),
        (Some("-1"), panicking().traces_sample_rate(0.0), "1", None),
        (Some("-0"), panicking(), "0", None),
        (Some("-0"), panicking().traces_sample_rate(1.0), "0", None),
    ];
    for (parent, builder, expected, rate) in rows {
        let service = Service::of(&builder.build().unwrap());
        let came = parent.map(sentry_trace);
        let came = came
            .iter()
            .flat_map(|trace| [("sentry-trace", trace.as_str()), ("baggage", "sentry-release=x")]);
        let came: Headers = headers(came);
        let warned = warnings(|| {
            for _ in 0..3 {
                let server = service.server(&service.receive(&came), "cart");
                assert_eq!(server.span().is_recording(), expected == "1", "{parent:?}");
                let sent = service.send(&service.client(&server));
                assert_eq!(flag(&sent), Some(expected), "{parent:?}");
                assert_eq!(dsc_value(&sent, "sample_rate"), rate, "{parent:?}");
            }
        });
        assert_one(&warned, "traces_sampler panicked");
    }
}

/// `Tracer::start` borrows the current context, so none can be attached meanwhile.
#[test]
fn it_is_called_for_every_way_to_start_a_span() {
    static TRACER: OnceLock<SdkTracer> = OnceLock::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let builder = Sentry::builder().dsn(DSN).traces_sampler(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        let tracer = TRACER.get().unwrap();
        for span in [tracer.start("a"), tracer.start_with_context("b", &Context::new())] {
            assert!(!span.is_recording(), "inside the callback");
        }
        1.0
    });
    let service = Service::of(&builder.build().unwrap());
    let tracer = TRACER.get_or_init(|| service.tracer.clone());
    let warned = warnings(|| {
        assert!(tracer.start("current").is_recording());
        tracer.in_span("in_span", |cx| assert!(cx.span().is_recording()));
        assert!(tracer.start_with_context("context", &Context::new()).is_recording());
        assert!(tracer.start_with_context("a copy", &Context::current()).is_recording());
        assert!(Context::map_current(|cx| tracer.start_with_context("lent", cx)).is_recording());
        // Another context, while the current one is borrowed.
        let start = |_: &Context| tracer.start_with_context("another", &Context::new());
        assert!(Context::map_current(start).is_recording());
        service.send(&Context::current());
    });
    assert_eq!(calls.load(Ordering::Relaxed), 6);
    assert!(warned.is_empty(), "{warned:?}");
}

#[test]
fn telemetry_is_suppressed_while_it_runs() {
    let builder = Sentry::builder()
        .dsn(DSN)
        .traces_sampler(|_| f64::from(u8::from(Context::is_current_telemetry_suppressed())));
    let service = Service::of(&builder.build().unwrap());
    assert!(service.server(&Context::new(), "cart").span().is_recording());
    assert!(!Context::is_current_telemetry_suppressed(), "only then");
    // A panic ends the suppression too.
    let service = Service::of(&panicking().build().unwrap());
    service.server(&Context::new(), "cart");
    assert!(!Context::is_current_telemetry_suppressed());
}

/// The SDK does not call a sampler here, but others might.
#[test]
fn suppression_makes_no_decision() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let builder = Sentry::builder().dsn(DSN).traces_sampler(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        1.0
    });
    let sentry = builder.build().unwrap();
    let service = Service::of(&sentry);
    let came = headers([("sentry-trace", &*sentry_trace("-1"))]);
    let parents = [Context::new(), service.receive(&came)];
    let trace_id = TraceId::from(7_u128);
    for parent in parents {
        let cx = parent.with_telemetry_suppressed();
        let sampler = sentry.sampler();
        let result = sampler.should_sample(Some(&cx), trace_id, "x", &SpanKind::Server, &[], &[]);
        assert_eq!(result.decision, SamplingDecision::Drop);
        assert!(result.trace_state.get("ot").is_none());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

/// A target that panics does not match. The other targets still count.
#[test]
fn a_panic_of_a_target() {
    let targets = || {
        let panics = Target::matching(|url| match url {
            "https://api.example/" => true,
            _ => panic!("no host"),
        });
        [panics, Target::from("internal.example")]
    };
    let builder = Sentry::builder().dsn(DSN).traces_sample_rate(1.0);
    let service = Service::of(&builder.trace_propagation_targets(targets()).build().unwrap());
    let root = service.server(&Context::new(), "cart");
    let warned = warnings(|| {
        for _ in 0..2 {
            for (url, sent) in [
                ("https://api.example/", true),
                ("https://tracker.example/", false),
                ("https://internal.example/", true),
            ] {
                let client = service.client_to(&root, url);
                assert_eq!(!service.send(&client).is_empty(), sent, "{url}");
            }
        }
    });
    assert_one(&warned, "the function of a trace propagation target panicked");
}

/// A request sent by a target's function gets no headers, and does not call the function again.
#[test]
fn a_target_that_sends_a_request() {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let sends = Target::matching(|_| {
        if CALLS.fetch_add(1, Ordering::Relaxed) > 0 {
            return true;
        }
        let service = SERVICE.get().unwrap();
        // Without a span of its own.
        let cx = Context::new().with_remote_span_context(remote(true, ""));
        let cx = cx.with_outgoing_url("https://config.example/");
        assert!(service.send(&cx).is_empty());
        let client = service.client_to(&Context::new(), "https://config.example/");
        assert!(!client.span().is_recording() && service.send(&client).is_empty());
        true
    });
    let builder = Sentry::builder().dsn(DSN).traces_sample_rate(1.0);
    let sentry = builder.trace_propagation_targets([sends]).build().unwrap();
    let service = SERVICE.get_or_init(|| Service::of(&sentry));
    let client = service.client_to(&Context::new(), "https://api.example/");
    assert!(client.span().is_recording() && !service.send(&client).is_empty());
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

/// A user's function may call another one and send a request. Nothing is logged before it returns.
#[test]
fn a_sampler_that_asks_targets() {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    let calls = AtomicUsize::new(0);
    let rest = Target::matching(|url| url.starts_with("https://api.example/"));
    let targets = PropagationTargets::new([rest.clone()]);
    let builder = Sentry::builder().dsn(DSN).trace_propagation_targets([rest]);
    let builder = builder.traces_sampler(move |_| {
        assert!(targets.matches("https://api.example/"), "asked from another function");
        let service = SERVICE.get().unwrap();
        // With the DSC over the limit of a list, which is worth a warning elsewhere.
        let cx = Context::new().with_remote_span_context(remote(true, "sentry=c..;T;S"));
        let cx = cx.with_baggage([KeyValue::new("long", "x".repeat(8150))]);
        let warned = warnings(|| {
            service.send(&cx);
        });
        assert!(warned.is_empty(), "{warned:?}");
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            f64::NAN
        } else {
            1.0
        }
    });
    let service = SERVICE.get_or_init(|| Service::of(&builder.build().unwrap()));
    let warned = warnings(|| {
        for recorded in [false, true] {
            let root = service.server(&Context::new(), "cart");
            assert_eq!(root.span().is_recording(), recorded);
        }
        service.send(&Context::new());
    });
    assert_one(&warned, "traces_sampler returned a rate");
}
