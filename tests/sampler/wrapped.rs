//! A user's sampler inside ours: it decides undecided traces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::{Boxed, Service};
use crate::common::warnings::{assert_one, warnings};
use crate::common::{
    dsc, dsc_value, flag, headers, inject, sentry_trace, span_context, Headers, DSN, SAMPLE_RAND,
    TRACE_ID,
};

const ALLOWED: &str = "https://api.example.com/cart";
const DENIED: &str = "https://tracker.example/";

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).release("shop@1.2.3")
}

fn around(builder: SentryBuilder, inner: impl Into<Box<dyn ShouldSample>>) -> Service {
    let sentry = builder.build().unwrap();
    let sampler = sentry.sampler().wrap(Boxed(inner.into()));
    Service::new(&sentry, sampler)
}

fn continued(flag: &str, list: &str) -> Headers {
    headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", list)])
}

/// Records every n-th trace that it decides.
#[derive(Clone, Debug)]
struct OneIn(usize, Arc<AtomicUsize>);

impl ShouldSample for OneIn {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let decision = match self.1.fetch_add(1, Ordering::Relaxed) % self.0 {
            0 => SamplingDecision::RecordAndSample,
            _ => SamplingDecision::Drop,
        };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

/// Always returns the same result and records its arguments.
#[derive(Clone, Debug)]
struct FixedResult {
    decision: SamplingDecision,
    members: Vec<(&'static str, &'static str)>,
}

impl ShouldSample for FixedResult {
    fn should_sample(
        &self,
        cx: Option<&Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parents = cx.map(|cx| cx.has_active_span());
        let saw = format!("{name}, {parents:?}, {} links", links.len());
        SamplingResult {
            decision: self.decision.clone(),
            attributes: vec![KeyValue::new("inner.saw", saw)],
            trace_state: TraceState::from_key_value(self.members.iter().copied()).unwrap(),
        }
    }
}

fn fixed(sampled: bool, members: &[(&'static str, &'static str)]) -> FixedResult {
    let decision = match sampled {
        true => SamplingDecision::RecordAndSample,
        false => SamplingDecision::Drop,
    };
    FixedResult { decision, members: members.to_vec() }
}

#[test]
fn it_decides_undecided_traces() {
    let samplers: [(Box<dyn ShouldSample>, &str); 8] = [
        (Sampler::AlwaysOn.into(), "1"),
        (Sampler::AlwaysOff.into(), "0"),
        (Sampler::TraceIdRatioBased(1.0).into(), "1"),
        (Sampler::TraceIdRatioBased(0.0).into(), "0"),
        (Sampler::ParentBased(Box::new(Sampler::AlwaysOn)).into(), "1"),
        (Sampler::ParentBased(Box::new(Sampler::AlwaysOff)).into(), "0"),
        (Sampler::parent_based(Sampler::AlwaysOn).into(), "1"),
        (Sampler::parent_based(Sampler::AlwaysOff).into(), "0"),
    ];
    for (inner, own) in samplers {
        // Neither the function nor the rate of the settings counts.
        for builder in [shop(), shop().traces_sample_rate(0.5), shop().traces_sampler(|_| 0.5)] {
            let name = format!("{inner:?}");
            let service = around(builder, inner.clone());
            let list = "sentry-sample_rand=0.424242,sentry-release=theirs";
            for (parent, expected) in
                [(None, own), (Some(""), own), (Some("-1"), "1"), (Some("-0"), "0")]
            {
                let came = parent.map_or(Headers::new(), |flag| continued(flag, list));
                let server = service.server(&service.receive(&came), "cart");
                let client = service.client(&server);
                for cx in [&server, &client] {
                    assert_eq!(cx.span().is_recording(), expected == "1", "{name}, {parent:?}");
                    let sent = service.send(cx);
                    assert_eq!(flag(&sent), Some(expected), "{name}, {parent:?}");
                    let sampled = if expected == "1" { "true" } else { "false" };
                    let expected = match parent {
                        None => vec![
                            ("trace_id", TRACE_ID),
                            ("public_key", crate::common::PUBLIC_KEY),
                            ("sample_rand", SAMPLE_RAND),
                            ("sampled", sampled),
                            ("release", "shop%401.2.3"),
                            ("environment", "production"),
                            ("transaction", "cart"),
                            ("org_id", "1"),
                        ],
                        Some("") => vec![
                            ("sample_rand", "0.424242"),
                            ("release", "theirs"),
                            ("sampled", sampled),
                        ],
                        Some(_) => vec![("sample_rand", "0.424242"), ("release", "theirs")],
                    };
                    assert_eq!(dsc(&sent), expected, "{name}, {parent:?}");
                }
            }
        }
    }
}

#[test]
fn a_rate_limiter() {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = around(shop(), OneIn(3, Arc::clone(&calls)));
    let mut flags = Vec::new();
    for _ in 0..3 {
        for parent in [None, Some(""), Some("-1"), Some("-0")] {
            let came = parent.map_or(Headers::new(), |flag| continued(flag, ""));
            let server = service.server(&service.receive(&came), "cart");
            flags.push(flag(&service.send(&service.client(&server))).unwrap().to_owned());
        }
    }
    assert_eq!(flags.concat(), "101001100010", "heads and undecided traces count, and no other");
    assert_eq!(calls.load(Ordering::Relaxed), 6);
}

/// Also below a remote parent whose trace state is not the span's.
#[test]
fn a_callers_decision_holds_at_every_destination() {
    let some = shop().trace_propagation_targets(["https://api.example.com/"]);
    let none = shop().trace_propagation_targets([""; 0]);
    for builder in [some.deny_unknown_urls(true), none] {
        for (caller, inner) in [("-1", Sampler::AlwaysOff), ("-0", Sampler::AlwaysOn)] {
            let service = around(builder.clone(), inner);
            let cx = service.receive(&continued(caller, "sentry-a=b"));
            let server = service.server(&cx, "cart");
            let [allowed, denied] = [ALLOWED, DENIED].map(|url| service.client_to(&cx, url));
            for span in [server, allowed, denied, service.client(&cx)] {
                assert_eq!(span.span().is_recording(), caller == "-1", "{builder:?}, {span:?}");
            }
        }
    }
}

/// The results are written as for our own decisions, beside W3C too.
#[test]
fn targets_hold() {
    let targets = ["https://api.example.com/"];
    let service = around(
        shop().trace_propagation_targets(targets).deny_unknown_urls(true),
        Sampler::AlwaysOn,
    );
    let wrapped = service.sentry.propagator().wrap(TraceContextPropagator::new());
    for came in
        [Headers::new(), continued("", "sentry-release=theirs"), continued("-1", "sentry-a=b")]
    {
        let cx = service.receive(&came);
        let server = service.server(&cx, "cart");
        for parent in [&cx, &server] {
            assert!(service.send(&service.client_to(parent, DENIED)).is_empty());
            assert!(service.send(&service.client(parent)).is_empty());
            let sent = inject(&wrapped, &service.client_to(parent, ALLOWED));
            assert_eq!(flag(&sent), Some("1"));
            assert!(sent["traceparent"].ends_with("-01"), "{sent:?}");
            let denied = inject(&wrapped, &service.client_to(parent, DENIED));
            assert!(denied.contains_key("traceparent") && !denied.contains_key("baggage"));
            // A request to Sentry is not recorded, regardless of the sampler.
            let sentry = service.client_to(parent, "https://o1.ingest.sentry.io/");
            assert!(!sentry.span().is_recording());
        }
    }
}

/// The sampler's own `th` gives the rate if it agrees with the decision.
#[test]
fn its_own_rate() {
    // The trace's randomness is 0x36d5159a501700 of 2^56, so it is sampled at rates from 0.785812
    // up.
    let rows = [
        ("none", true, "", None, None),
        ("true", true, "th:3333333333333", Some("0.8"), Some("th:3333333333333")),
        ("true, with others", true, "th:0;x:y", Some("1"), Some("th:0;x:y")),
        ("false", true, "th:8", None, None),
        ("not sampled", false, "th:8", Some("0.5"), None),
        ("not sampled, false", false, "th:0", None, None),
        ("not valid", true, "th:G", None, None),
        (
            "by its own randomness",
            true,
            "th:8;rv:80000000000000",
            Some("0.5"),
            Some("th:8;rv:80000000000000"),
        ),
        (
            "not by its own randomness",
            true,
            "th:8;rv:7fffffffffffff",
            None,
            Some("rv:7fffffffffffff"),
        ),
    ];
    for (name, sampled, ot, rate, left) in rows {
        let members = if ot.is_empty() { vec![] } else { vec![("ot", ot)] };
        let service = around(shop(), fixed(sampled, &members));
        for came in [Headers::new(), continued("", "sentry-release=x")] {
            let server = service.server(&service.receive(&came), "cart");
            let sent = service.send(&service.client(&server));
            // An undecided trace's frozen `sample_rand` comes from the trace's own randomness.
            let contradicts = name == "by its own randomness" && !came.is_empty();
            let rate = rate.filter(|_| !contradicts);
            assert_eq!(dsc_value(&sent, "sample_rate"), rate, "{name}");
            assert_eq!(span_context(&server).trace_state().get("ot"), left, "{name}");
            let number = |key| dsc_value(&sent, key).map(|text| text.parse::<f64>().unwrap());
            if let (Some(rate), Some(rand)) = (number("sample_rate"), number("sample_rand")) {
                assert_eq!(rand < rate, sampled, "{name}: {rand}, {rate}");
            }
            let attribute = service.end(&server).and_then(|span| {
                let mut attributes = span.attributes.into_iter();
                attributes.find(|kv| kv.key.as_str() == "sentry.sample_rate").map(|kv| kv.value)
            });
            let expected = rate.filter(|_| sampled).map(|rate| Value::F64(rate.parse().unwrap()));
            assert_eq!(attribute, expected, "{name}");
        }
    }
    // An incoming `sample_rand` contradicts it: no contradictory rate is sent.
    let service = around(shop(), fixed(true, &[("ot", "th:8;rv:80000000000000")]));
    let sent = service.relay(&continued("", "sentry-sample_rand=0.9"));
    assert_eq!(flag(&sent), Some("1"));
    assert_eq!(sent["baggage"], "sentry-sample_rand=0.9,sentry-sampled=true");
}

/// Attributes and members stay. Nobody else can write our members.
#[test]
fn its_attributes_and_members_stay() {
    let members = [("vendor", "new"), ("sentry", "c..forged"), ("sentry-2", "x")];
    let service = around(shop(), fixed(true, &members));
    let mut came = continued("", "sentry-release=theirs");
    came.insert("traceparent".to_owned(), format!("00-{TRACE_ID}-{}-00", crate::common::SPAN_ID));
    came.insert("tracestate".to_owned(), "vendor=old,other=1,ot=rv:80000000000000".to_owned());
    let wrapped = service.sentry.propagator().wrap(TraceContextPropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &came);
    let server = service.server(&cx, "cart");
    let state = span_context(&server).trace_state().clone();
    assert_eq!((state.get("vendor"), state.get("other")), (Some("new"), Some("1")), "{state:?}");
    assert_eq!(state.get("ot"), Some("rv:80000000000000"), "{state:?}");
    let sent = inject(&wrapped, &server);
    assert_eq!(sent["tracestate"], "vendor=new,other=1,ot=rv:80000000000000", "{sent:?}");
    assert_eq!(dsc_value(&sent, "release"), Some("theirs"));
    let span = service.end(&server).unwrap();
    let saw = span.attributes.iter().find(|kv| kv.key.as_str() == "inner.saw").unwrap();
    // Undecided differs from "not sampled", but a parent can only express the latter.
    assert_eq!(saw.value.as_str(), "cart, Some(false), 0 links");
}

/// A member that it writes again takes no room, and one like ours takes none either.
#[test]
fn its_members_displace_no_other() {
    let members = [("m0", "new"), ("sentry-2", "x"), ("m1", "new"), ("m2", "new")];
    let service = around(shop(), fixed(true, &members));
    let mut came = continued("", "sentry-release=theirs");
    came.insert("traceparent".to_owned(), format!("00-{TRACE_ID}-{}-00", crate::common::SPAN_ID));
    // With ours, as many as a list may have.
    let list: Vec<String> = (0..31).map(|index| format!("m{index}=old")).collect();
    came.insert("tracestate".to_owned(), list.join(","));
    let wrapped = service.sentry.propagator().wrap(TraceContextPropagator::new());
    let cx = wrapped.extract_with_context(&Context::new(), &came);
    let sent = inject(&wrapped, &service.server(&cx, "cart"));
    let kept = list[3..].join(",");
    assert_eq!(sent["tracestate"], format!("m0=new,m1=new,m2=new,{kept}"), "{sent:?}");
    assert_eq!(dsc_value(&sent, "release"), Some("theirs"));
}

/// `RecordOnly` records the span, and the trace is not sampled.
#[test]
fn record_only() {
    let inner = FixedResult { decision: SamplingDecision::RecordOnly, members: Vec::new() };
    let service = around(shop(), inner);
    let server = service.server(&Context::new(), "cart");
    assert!(server.span().is_recording() && !span_context(&server).is_sampled());
    assert_eq!(flag(&service.send(&server)), Some("0"));
    assert!(!service.client(&server).span().is_recording());
}

#[derive(Clone, Debug)]
struct Panics;

impl ShouldSample for Panics {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        panic!("no configuration")
    }
}

#[test]
fn a_panic_counts_as_no_sampler() {
    for (builder, own) in [(shop(), "0"), (shop().traces_sample_rate(1.0), "1")] {
        let service = around(builder, Panics);
        let warned = warnings(|| {
            for (parent, expected) in [("", own), ("-1", "1"), ("-0", "0")] {
                let sent = service.relay(&continued(parent, ""));
                assert_eq!(flag(&sent), Some(expected), "{parent}");
            }
        });
        assert_one(&warned, "the sampler inside the Sentry sampler panicked");
    }
}

/// Suppressed spans do not reach it.
#[test]
fn it_is_not_called_under_suppression() {
    let calls = Arc::new(AtomicUsize::new(0));
    let sentry = shop().build().unwrap();
    let sampler = sentry.sampler().wrap(OneIn(1, Arc::clone(&calls)));
    let cx = Context::new().with_telemetry_suppressed();
    let trace_id = TraceId::from(7_u128);
    let result = sampler.should_sample(Some(&cx), trace_id, "x", &SpanKind::Server, &[], &[]);
    assert_eq!(result.decision, SamplingDecision::Drop);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
