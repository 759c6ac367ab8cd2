//! The source of the decision: the parent, a rate, a function, or none.

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer,
};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{Sampler, ShouldSample};
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::{Boxed, Service};
use crate::common::{dsc_value, flag, headers, remote, sentry_trace, span_context, DSN, TRACE_ID};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN)
}

fn rate(rate: f64) -> SentryBuilder {
    shop().traces_sample_rate(rate)
}

fn function(rate: f64) -> SentryBuilder {
    shop().traces_sample_rate(0.5).traces_sampler(move |_| rate)
}

/// The parent's decision, the settings; whether the span is recorded, the outgoing flag, and
/// whether the rate is our own.
type Row = (Option<&'static str>, SentryBuilder, bool, Option<&'static str>, Option<f64>);

fn table() -> Vec<Row> {
    let (head, deferred, no, yes) = (None, Some(""), Some("-0"), Some("-1"));
    vec![
        (head, shop(), false, None, None),
        (head, rate(1.0), true, Some("1"), Some(1.0)),
        (head, rate(0.8), true, Some("1"), Some(0.8)),
        (head, rate(0.7), false, Some("0"), Some(0.7)),
        (head, rate(0.0), false, Some("0"), Some(0.0)),
        (head, function(1.0), true, Some("1"), Some(1.0)),
        (head, function(0.0), false, Some("0"), Some(0.0)),
        (deferred, shop(), false, None, None),
        (deferred, rate(1.0), true, Some("1"), Some(1.0)),
        (deferred, rate(0.43), true, Some("1"), Some(0.43)),
        (deferred, rate(0.42), false, Some("0"), Some(0.42)),
        (deferred, rate(0.0), false, Some("0"), Some(0.0)),
        (deferred, function(0.43), true, Some("1"), Some(0.43)),
        (deferred, function(0.42), false, Some("0"), Some(0.42)),
        (no, shop(), false, Some("0"), None),
        (no, rate(1.0), false, Some("0"), None),
        (no, rate(0.0), false, Some("0"), None),
        (no, function(0.43), true, Some("1"), Some(0.43)),
        (no, function(0.42), false, Some("0"), Some(0.42)),
        (yes, shop(), false, Some("1"), None),
        (yes, rate(1.0), true, Some("1"), None),
        (yes, rate(0.0), true, Some("1"), None),
        (yes, function(0.43), true, Some("1"), Some(0.43)),
        (yes, function(0.42), false, Some("0"), Some(0.42)),
    ]
}

/// Alone, on all five branches of `ParentBased`, and with its default local branches.
fn setups(sentry: &Sentry) -> Vec<(&'static str, Service)> {
    let ours = || sentry.sampler();
    let remote = Sampler::parent_based(ours())
        .with_remote_parent_sampled(ours())
        .with_remote_parent_not_sampled(ours());
    let all =
        remote.clone().with_local_parent_sampled(ours()).with_local_parent_not_sampled(ours());
    let boxed: [(_, Box<dyn ShouldSample>); 3] = [
        ("alone", ours().into()),
        ("on all five branches", all.into()),
        ("on the root and the remote branches", remote.into()),
    ];
    boxed.map(|(name, sampler)| (name, Service::new(sentry, Boxed(sampler)))).into()
}

fn name(setup: &str, row: &Row) -> String {
    format!("{setup}: parent {:?}, {:?}", row.0, row.1)
}

#[test]
fn the_whole_table_in_every_setup() {
    for row in table() {
        let (parent, builder, recorded, decision, _) = row.clone();
        let sentry = builder.build().unwrap();
        for (setup, service) in setups(&sentry) {
            let name = name(setup, &row);
            let trace = parent.map(sentry_trace);
            let list = "sentry-sample_rand=0.424242,sentry-release=theirs";
            let trace =
                trace.iter().flat_map(|trace| [("sentry-trace", &**trace), ("baggage", list)]);
            let server = service.server(&service.receive(&headers(trace)), "checkout");
            let child = service.start(&server, SpanKind::Internal, "work", &[]);
            let client = service.client(&child);
            // The whole service follows its first span's decision.
            for cx in [&server, &child, &client] {
                assert_eq!(cx.span().is_recording(), recorded, "{name}");
                assert_eq!(span_context(cx).is_sampled(), recorded, "{name}");
                assert_eq!(span_context(cx).trace_id().to_string(), TRACE_ID, "{name}");
                assert_eq!(flag(&service.send(cx)), decision, "{name}");
            }
        }
    }
}

/// The DSC has exactly the members of this decision. The attribute is set if a rate was applied.
#[test]
fn the_rate_is_sent_where_it_was_applied() {
    for row in table() {
        let (parent, builder, recorded, decision, own_rate) = row.clone();
        let sentry = builder.build().unwrap();
        for (setup, service) in setups(&sentry) {
            let name = name(setup, &row);
            let trace = parent.map(sentry_trace);
            let list = "sentry-sample_rand=0.424242,sentry-release=theirs";
            let decided = parent.is_some_and(|flag| !flag.is_empty());
            // The head's own rate, which agrees with its decision.
            let head_rate = if parent == Some("-0") { "0.3" } else { "0.6" };
            let list = match decided {
                true => format!("{list},sentry-sample_rate={head_rate},sentry-sampled=head"),
                false => list.to_owned(),
            };
            let trace =
                trace.iter().flat_map(|trace| [("sentry-trace", &**trace), ("baggage", &*list)]);
            let server = service.server(&service.receive(&headers(trace)), "checkout");
            let client = service.client(&server);
            let sent = service.send(&client);

            let sampled = decision.map(|flag| if flag == "1" { "true" } else { "false" });
            let sampled = if decided { Some("head") } else { sampled };
            assert_eq!(dsc_value(&sent, "sampled"), sampled, "{name}");
            let text = own_rate.map(|rate| rate.to_string());
            let text = text.as_deref().or(decided.then_some(head_rate));
            assert_eq!(dsc_value(&sent, "sample_rate"), text, "{name}");

            let attribute = |cx: &Context| {
                let attributes = service.end(cx).map(|span| span.attributes)?;
                let found =
                    attributes.into_iter().find(|kv| kv.key.as_str() == "sentry.sample_rate");
                found.map(|kv| kv.value)
            };
            assert_eq!(attribute(&client), None, "{name}");
            let expected = own_rate.filter(|_| recorded).map(Value::F64);
            assert_eq!(attribute(&server), expected, "{name}");
        }
    }
}

/// A service that records nothing forwards flag and DSC unchanged.
#[test]
fn without_a_rate_a_service_only_forwards() {
    let service = Service::of(&shop().build().unwrap());
    let list = "sentry-sample_rand=0.1,sentry-sampled=true,sentry-sample_rate=0.5";
    for flag in ["-1", "-0", ""] {
        let incoming = headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", list)]);
        let sent = service.relay(&incoming);
        assert!(sent["sentry-trace"].starts_with(TRACE_ID));
        assert_eq!(sent["sentry-trace"].len(), 49 + flag.len(), "{sent:?}");
        assert!(sent["sentry-trace"].ends_with(flag), "{sent:?}");
        assert_eq!(sent["baggage"], list);
    }
}

/// Span links don't affect sampling.
#[test]
fn links_are_no_parents() {
    let elsewhere = remote(true, "sentry=c..").trace_state().clone();
    let linked = SpanContext::new(
        0xabc_u128.into(),
        0xdef_u64.into(),
        remote(true, "").trace_flags(),
        true,
        elsewhere,
    );
    for (builder, recorded, decision) in
        [(shop(), false, None), (rate(1.0), true, Some("1")), (rate(0.0), false, Some("0"))]
    {
        let service = Service::of(&builder.build().unwrap());
        let builder = SpanBuilder::from_name("receive")
            .with_kind(SpanKind::Consumer)
            .with_links(vec![Link::new(linked.clone(), Vec::new(), 0)]);
        let cx = Context::new();
        let cx = cx.with_span(service.tracer.build_with_context(builder, &cx));
        assert_eq!(cx.span().is_recording(), recorded);
        let sent = service.send(&cx);
        assert_eq!(flag(&sent), decision);
        assert_eq!(dsc_value(&sent, "trace_id"), Some(TRACE_ID));
        assert_eq!(dsc_value(&sent, "transaction"), decision.map(|_| "receive"));
    }
}

/// An invalid active span is not a parent.
#[test]
fn an_invalid_parent_is_ignored() {
    let service = Service::of(&rate(1.0).build().unwrap());
    let cx = Context::new().with_remote_span_context(SpanContext::empty_context());
    let server = service.server(&cx, "cart");
    assert!(server.span().is_recording());
    assert_eq!(flag(&service.send(&server)), Some("1"));
}

/// A member that another propagator brought, malformed or another trace's: its DSC is dropped, and
/// ours does not take its place.
#[test]
fn a_member_that_is_not_valid_is_no_dsc() {
    let another = format!("c..;t{}", "f".repeat(32));
    for member in ["c..;?", "c..x", "c..;u:", "c..;Tx", "c..;Sx", "c..;Fx", "c..;T;Ex", &another] {
        for builder in [shop(), rate(1.0), function(1.0), function(0.0)] {
            let service = Service::of(&builder.clone().build().unwrap());
            let parent = remote(true, &format!("sentry={member}"));
            let server = service.server(&Context::new().with_remote_span_context(parent), "cart");
            for cx in [&server, &service.client(&server)] {
                let sent = service.send(cx);
                assert!(flag(&sent).is_some(), "{member}, {builder:?}: {sent:?}");
                assert_eq!(sent.len(), 1, "{member}, {builder:?}: {sent:?}");
            }
        }
    }
}

/// X/M of the trace is 0.3333334, just above the rate. Cut to six digits it would be below it, and
/// contradict the decision.
#[test]
fn sample_rand_is_on_the_decisions_side_below_traceparent() {
    let service = Service::of(&function(0.333_333_3).build().unwrap());
    let trace_id = TraceId::from((0xffff_u128 << 56) | 0x00aa_aaa9_8c55_e437);
    let flags = TraceFlags::SAMPLED;
    let parent = SpanContext::new(trace_id, SpanId::from(8), flags, true, TraceState::NONE);
    let server = service.server(&Context::new().with_remote_span_context(parent), "cart");
    let sent = service.send(&server);
    assert_eq!(flag(&sent), Some("0"));
    assert_eq!(dsc_value(&sent, "sample_rate"), Some("0.3333333"));
    assert_eq!(dsc_value(&sent, "sample_rand"), Some("0.333334"));
}

/// The enum `Sampler::ParentBased` discards a root span's trace state.
#[test]
fn lost_in_the_enum_parent_based() {
    let parent_based = |builder: SentryBuilder| {
        let sentry = builder.build().unwrap();
        Service::new(&sentry, Sampler::ParentBased(Box::new(sentry.sampler())))
    };
    let service = parent_based(rate(1.0));
    let sent = service.send(&service.server(&Context::new(), "cart"));
    assert_eq!(flag(&sent), Some("1"), "the decision holds");
    assert_eq!(dsc_value(&sent, "sample_rate"), None, "its rate is lost");
    assert_eq!(dsc_value(&sent, "transaction"), None, "its transaction is lost");

    let service = parent_based(shop());
    let sent = service.send(&service.server(&Context::new(), "cart"));
    assert_eq!(flag(&sent), Some("0"), "an undecided trace became unsampled");
}
