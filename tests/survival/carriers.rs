//! Child spans, tracers and threads carry a Sentry trace without knowledge of it.

use std::thread;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use opentelemetry_sentry::{Sentry, SentryPropagator};
use tracing::{info_span, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::Registry;

use super::w3c::assert_valid;
use crate::common::service::{Boxed, Foreign, Service};
use crate::common::{
    flag, headers, inject, sentry_trace, span_context, Headers, DSN, SPAN_ID, TRACE_ID,
};

/// Common members and rare ones: unknown keys, `=`, `+`, lower-case escapes.
const DSC: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,\
                   sentry-public_key=49d0f7386ad645858ae85020e393bef3,sentry-sample_rate=0.8,\
                   sentry-sample_rand=0.785811,sentry-release=shop%401.2.3,sentry-environment=prod,\
                   sentry-transaction=GET%20%2fcart,sentry-replay_id=,sentry-vendor=a+b=c";

fn incoming(flag: &str) -> Headers {
    headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", DSC)])
}

fn sentry() -> Sentry {
    Sentry::builder().dsn(DSN).release("relay@9").traces_sample_rate(0.1).build().unwrap()
}

/// Asserts that the outgoing headers have the incoming DSC and the context's span.
#[track_caller]
fn assert_arrived(name: &str, cx: &Context, decision: Option<&str>) {
    let span_context = span_context(cx);
    assert_valid(&span_context);
    let sent = inject(&sentry().propagator(), cx);
    assert_eq!(sent["baggage"], DSC, "{name}");
    let id = format!("{TRACE_ID}-{}", span_context.span_id());
    assert!(sent["sentry-trace"].starts_with(&id), "{name}: {sent:?}");
    assert_eq!(flag(&sent), decision, "{name}");
}

#[test]
fn child_spans() {
    let foreign = |decision| Foreign { decision, member: None };
    let samplers: [(_, Box<dyn ShouldSample>, [_; 2]); 6] = [
        ("ours", sentry().sampler().into(), ["1", "0"]),
        ("parent based", Sampler::parent_based(Sampler::AlwaysOn).into(), ["1", "0"]),
        ("sampled", Sampler::AlwaysOn.into(), ["1", "1"]),
        ("dropped", Sampler::AlwaysOff.into(), ["0", "0"]),
        ("recorded only", foreign(SamplingDecision::RecordOnly).into(), ["0", "0"]),
        (
            "another tracestate",
            Foreign { member: Some(("vendor", "1")), ..on() }.into(),
            ["1", "1"],
        ),
    ];
    for (name, sampler, decisions) in samplers {
        let service = Service::new(&sentry(), Boxed(sampler));
        for (parent, decision) in ["-1", "-0"].into_iter().zip(decisions) {
            let mut cx = service.receive(&incoming(parent));
            for depth in 0..10 {
                let kind = if depth % 2 == 0 { SpanKind::Server } else { SpanKind::Client };
                cx = service.start(&cx, kind, "work", &[]);
                assert_ne!(span_context(&cx).span_id().to_string(), SPAN_ID);
                assert_arrived(name, &cx, Some(decision));
            }
        }
    }
}

fn on() -> Foreign {
    Foreign { decision: SamplingDecision::RecordAndSample, member: None }
}

/// The no-op tracer's spans are their parent.
#[test]
fn the_no_op_tracer() {
    let tracer = NoopTracerProvider::new().tracer("none");
    for flag in ["-1", "-0"] {
        let mut cx = SentryPropagator::new().extract_with_context(&Context::new(), &incoming(flag));
        for _ in 0..3 {
            cx = cx.with_span(tracer.start_with_context("work", &cx));
            assert_arrived("no-op", &cx, Some(&flag[1..]));
            assert_eq!(span_context(&cx).span_id().to_string(), SPAN_ID);
        }
    }
    // Without a trace there is nothing to forward.
    let cx = Context::new().with_span(tracer.start_with_context("work", &Context::new()));
    assert!(inject(&sentry().propagator(), &cx).is_empty());
}

/// `set_parent` for the incoming trace, `context()` for the outgoing headers, `tracing` spans in
/// between.
#[test]
fn tracing_opentelemetry() {
    let service = Service::of(&sentry());
    let layer = tracing_opentelemetry::layer().with_tracer(service.tracer.clone());
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        for flag in ["-1", "-0"] {
            let server = info_span!("serve", otel.kind = "server");
            server.set_parent(service.receive(&incoming(flag))).unwrap();
            assert_arrived("set_parent", &server.context(), Some(&flag[1..]));
            server.in_scope(|| {
                let work = info_span!("work");
                let _entered = work.enter();
                let client = info_span!("call", otel.kind = "client");
                assert_arrived("child", &client.context(), Some(&flag[1..]));
                assert_arrived("current", &Span::current().context(), Some(&flag[1..]));
                let parents = [server.context(), client.context()].map(|cx| span_context(&cx));
                assert_ne!(parents[0].span_id(), parents[1].span_id());
            });
        }
        // A head: each of its spans gets the DSC from the head's settings.
        let root = info_span!("cart", otel.kind = "server");
        let first = inject(&service.sentry.propagator(), &root.context());
        let child = root.in_scope(|| info_span!("call", otel.kind = "client").context());
        let second = inject(&service.sentry.propagator(), &child);
        assert_eq!(first["baggage"], second["baggage"]);
        assert!(first["baggage"].contains("sentry-transaction=cart"), "{first:?}");
    });
}

/// All state is in the span context, not in a thread's context, a global or the propagator.
#[test]
fn a_span_context_alone_on_another_thread() {
    let service = Service::of(&sentry());
    for flag in ["-1", "-0"] {
        let remote = service.receive(&incoming(flag));
        let local = service.client(&service.server(&remote, "serve"));
        for kept in [remote, local].map(|cx| span_context(&cx)) {
            let decision = flag[1..].to_owned();
            let work = move || {
                let cx = Context::new().with_remote_span_context(kept);
                assert_arrived("alone", &cx, Some(&decision));
                let below = Service::of(&sentry());
                assert_arrived("below", &below.client(&cx), Some(&decision));
            };
            thread::spawn(work).join().unwrap();
        }
    }
}

/// A deferred trace stays deferred, and a forwarded flag stays forwarded, at any depth.
#[test]
fn what_is_not_decided_here() {
    let relay = Service::of(&Sentry::builder().dsn(DSN).build().unwrap());
    for (flag, decision) in [("", None), ("-1", Some("1")), ("-0", Some("0"))] {
        let mut cx = relay.receive(&incoming(flag));
        for _ in 0..5 {
            cx = relay.client(&cx);
            assert!(!cx.span().is_recording());
            assert_arrived("relay", &cx, decision);
            let kept = span_context(&cx);
            let thread = thread::spawn(move || {
                let cx = Context::new().with_remote_span_context(kept);
                assert_arrived("thread", &cx, decision);
            });
            thread.join().unwrap();
        }
    }
}
