//! The effect of a permission on a span, its descendants, and the outgoing trace state.

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::{
    dsc, dsc_value, flag, headers, inject, local, sentry_trace, span_context, Headers, DSN,
};

const ALLOWED: &str = "https://api.example.com/cart";
const DENIED: &str = "https://tracker.example/";

fn api() -> SentryBuilder {
    Sentry::builder()
        .dsn(DSN)
        .release("shop@1.2.3")
        .trace_propagation_targets(["https://api.example.com/"])
}

fn continued(flag: &str) -> Headers {
    let list = "sentry-sample_rand=0.1,sentry-release=theirs,sentry-transaction=checkout";
    headers([("sentry-trace", &*sentry_trace(flag)), ("baggage", list)])
}

/// Settings that record spans, and settings that don't.
fn builders() -> [SentryBuilder; 3] {
    [api(), api().traces_sample_rate(1.0), api().traces_sampler(|_| 0.0)]
}

#[test]
fn a_permission_applies_to_one_span() {
    for builder in builders() {
        let service = Service::of(&builder.build().unwrap());
        for parent in [Context::new(), service.receive(&continued("-1"))] {
            let server = service.server(&parent, "cart");
            let denied = service.client_to(&server, DENIED);
            assert!(service.send(&denied).is_empty());
            for child in [
                service.start(&denied, SpanKind::Internal, "dns", &[]),
                service.client(&denied),
                service.client_to(&denied, ALLOWED),
            ] {
                assert!(service.send(&child).contains_key("sentry-trace"));
                assert!(service.send(&service.client_to(&child, DENIED)).is_empty());
            }
            // Its siblings and its parent are unchanged.
            for cx in [server.clone(), service.client(&server)] {
                assert!(service.send(&cx).contains_key("baggage"));
            }
        }
        let strict = Service::of(&api().deny_unknown_urls(true).build().unwrap());
        let allowed = strict.client_to(&Context::new(), ALLOWED);
        assert!(!strict.send(&allowed).is_empty());
        assert!(strict.send(&strict.client(&allowed)).is_empty(), "allowed is not inherited");
    }
}

/// Targets apply without a DSN too.
#[test]
fn without_a_dsn() {
    let targets = ["https://api.example.com/"];
    let sentry = Sentry::builder().trace_propagation_targets(targets).build().unwrap();
    let service = Service::of(&sentry);
    let server = service.server(&service.receive(&continued("-1")), "cart");
    assert!(service.send(&service.client_to(&server, DENIED)).is_empty());
    let sent = service.send(&service.client_to(&server, ALLOWED));
    assert_eq!(dsc_value(&sent, "release"), Some("theirs"));
}

/// A denied span carries neither the DSC nor the transaction, so neither do its descendants.
#[test]
fn below_a_denied_span() {
    for flag in ["-1", "-0", ""] {
        for builder in builders() {
            let service = Service::of(&builder.build().unwrap());
            let remote = service.receive(&continued(flag));
            let local = service.server(&remote, "cart");
            let whole = service.send(&service.client(&local));
            assert_eq!(dsc_value(&whole, "release"), Some("theirs"), "{flag}");
            for parent in [remote, local] {
                let below = service.client(&service.client_to(&parent, DENIED));
                let sent = service.send(&below);
                assert_eq!(sent.len(), 1, "sentry-trace alone: {sent:?}");
                let decision = crate::common::flag(&sent);
                assert_eq!(decision, crate::common::flag(&whole), "{flag}");
            }
        }
    }
    let service = Service::of(&api().traces_sample_rate(1.0).build().unwrap());
    for parent in [Context::new(), service.server(&Context::new(), "cart")] {
        let below = service.client(&service.client_to(&parent, DENIED));
        let sent = service.send(&below);
        let keys: Vec<&str> = dsc(&sent).iter().map(|(key, _)| *key).collect();
        let expected = [
            "trace_id",
            "public_key",
            "sample_rate",
            "sample_rand",
            "sampled",
            "release",
            "environment",
            "org_id",
        ];
        assert_eq!(keys, expected, "a head without its transaction");
    }
}

/// A stock W3C propagator sends the trace state to every host.
#[test]
fn trace_state_of_a_denied_span() {
    for builder in builders() {
        let service = Service::of(&builder.build().unwrap());
        for parent in [Context::new(), service.receive(&continued("-1"))] {
            let server = service.server(&parent, "cart");
            let state = |cx: &Context| span_context(cx).trace_state().header();
            let is_head = parent.span().span_context().trace_id() == 0_u128.into();
            let secrets = ["theirs", "checkout", "cart", "shop", "49d0f738"];
            let denied = state(&service.client_to(&server, DENIED));
            assert!(secrets.iter().all(|secret| !denied.contains(secret)), "{denied}");
            assert_eq!(state(&server).contains("theirs"), !is_head);

            let nowhere = api().trace_propagation_targets([""; 0]).traces_sample_rate(1.0);
            let nowhere = Service::of(&nowhere.build().unwrap());
            let parent = if is_head { Context::new() } else { nowhere.receive(&continued("-1")) };
            let server = nowhere.server(&parent, "cart");
            for cx in [parent, server.clone(), nowhere.client_to(&server, ALLOWED)] {
                let state = state(&cx);
                assert!(secrets.iter().all(|secret| !state.contains(secret)), "{state}");
                assert!(nowhere.send(&cx).is_empty());
            }
        }
    }
}

/// If unknown URLs are denied, a stock W3C propagator in the same list must not send the DSC.
#[test]
fn unknown_urls_in_a_plain_list() {
    for builder in [Sentry::builder().dsn(DSN).traces_sample_rate(1.0), api()] {
        let strict = builder.release("shop@1.2.3").deny_unknown_urls(true);
        let service = Service::of(&strict.build().unwrap());
        let list = TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
            Box::new(service.sentry.propagator()),
        ]);
        for parent in [Context::new(), service.receive(&continued("-1"))] {
            let server = service.server(&parent, "cart");
            for parent in [&parent, &server] {
                for kind in [SpanKind::Client, SpanKind::Producer] {
                    let sent = inject(&list, &service.start(parent, kind, "GET", &[]));
                    let state = &sent["tracestate"];
                    assert!(!sent.contains_key("sentry-trace"), "{sent:?}");
                    for secret in ["theirs", "checkout", "cart"] {
                        assert!(!state.contains(secret), "{state}");
                    }
                }
                let sent = inject(&list, &service.client_to(parent, ALLOWED));
                assert!(sent.contains_key("sentry-trace"), "{sent:?}");
            }
        }
    }
}

/// The caller's URL in the context takes precedence over attributes.
#[test]
fn the_outgoing_url_comes_first() {
    let service = Service::of(&api().traces_sample_rate(1.0).build().unwrap());
    let root = service.server(&Context::new(), "cart");
    for (url, attribute, sent) in
        [(ALLOWED, DENIED, true), (DENIED, ALLOWED, false), (DENIED, DENIED, false)]
    {
        let after = service.client_to(&root, attribute).with_outgoing_url(url);
        let before = service.client_to(&root.with_outgoing_url(url), attribute);
        for (when, cx) in [("after its start", after), ("before its start", before)] {
            assert_eq!(!service.send(&cx).is_empty(), sent, "{url}, {attribute}: {when}");
        }
    }
    // For the span itself it already counts at the start.
    const SENTRY: &str = "https://o1.ingest.sentry.io/";
    for (url, attribute, recorded, sent) in [
        (SENTRY, ALLOWED, false, false),
        (ALLOWED, SENTRY, true, true),
        (DENIED, ALLOWED, true, false),
        (ALLOWED, DENIED, true, true),
    ] {
        let client = service.client_to(&root.with_outgoing_url(url), attribute);
        assert_eq!(client.span().is_recording(), recorded, "{url}, {attribute}");
        let alone = Context::new().with_remote_span_context(span_context(&client));
        assert_eq!(!service.send(&alone).is_empty(), sent, "{url}, {attribute}");
    }
}

/// No span and no header. The rest of the trace is not affected.
#[test]
fn sentry_itself_is_never_traced() {
    let sentry = || Sentry::builder().dsn(DSN).traces_sample_rate(1.0);
    let rows = [
        ("https://o1.ingest.sentry.io/api/42/envelope/", false),
        ("HTTPS://O1.INGEST.Sentry.io:443/", false),
        ("https://o1.ingest.sentry.io:8443/", true),
        ("https://o1.ingest.sentry.io.example/", true),
    ];
    for (url, traced) in rows {
        for builder in [sentry(), sentry().trace_propagation_targets(["://"])] {
            let service = Service::of(&builder.build().unwrap());
            let remote = service.receive(&continued("-1"));
            let local = service.server(&Context::new(), "cart");
            // Dropping a request to Sentry does not decide the trace.
            let rows = [(Context::new(), None), (remote, Some("1")), (local.clone(), Some("1"))];
            for (parent, decision) in rows {
                let client = service.client_to(&parent, url);
                assert_eq!(client.span().is_recording(), traced, "{url}");
                assert_eq!(service.send(&client).is_empty(), !traced, "{url}");
                let below = service.send(&service.client(&client));
                let decision = decision.or(traced.then_some("1"));
                assert_eq!(flag(&below), decision, "{url}: below it");
                // Only a request's span is dropped. A message to Sentry keeps its span but gets no
                // headers.
                let attribute = [KeyValue::new("url.full", url)];
                for (kind, sent) in [(SpanKind::Server, true), (SpanKind::Producer, traced)] {
                    let other = service.start(&parent, kind.clone(), "x", &attribute);
                    assert!(other.span().is_recording(), "{url}, {kind:?}");
                    assert_eq!(!service.send(&other).is_empty(), sent, "{url}, {kind:?}");
                }
            }
            let sibling = service.client(&local);
            assert!(sibling.span().is_recording());
            assert_eq!(flag(&service.send(&sibling)), Some("1"));
        }
    }
    // Separate host, port and scheme, as a proxy sets them.
    let service = Service::of(&sentry().build().unwrap());
    let parts = [
        KeyValue::new("url.scheme", "https"),
        KeyValue::new("server.address", "o1.Ingest.sentry.io"),
    ];
    let client = service.start(&Context::new(), SpanKind::Client, "POST", &parts);
    assert!(!client.span().is_recording());
    assert!(service.send(&client).is_empty());
}

/// The losses with the default local branches: they never call our sampler for a child.
#[test]
fn lost_on_the_default_local_branches() {
    let sentry = api().traces_sample_rate(1.0).build().unwrap();
    let ours = || sentry.sampler();
    let sampler = Sampler::parent_based(ours())
        .with_remote_parent_sampled(ours())
        .with_remote_parent_not_sampled(ours());
    let service = Service::new(&sentry, sampler.clone());
    let root = service.server(&Context::new(), "cart");
    let sends = |cx: &Context| !service.send(cx).is_empty();
    assert!(sends(&service.client_to(&root, DENIED)), "lost: a child's attributes");
    let to_sentry = service.client_to(&root, "https://o1.ingest.sentry.io/");
    assert!(to_sentry.span().is_recording(), "lost: a request to Sentry is recorded");
    assert!(!sends(&service.client_to(&Context::new(), DENIED)), "kept: a root's own");
    let below = service.client(&service.client_to(&Context::new(), DENIED));
    assert!(!sends(&below), "lost: a permission is not cleared");
    let named = service.client(&root).with_outgoing_url(DENIED);
    assert!(!sends(&named), "kept: the caller's URL");

    let all = sampler.with_local_parent_sampled(ours()).with_local_parent_not_sampled(ours());
    let service = Service::new(&sentry, all);
    let root = service.server(&Context::new(), "cart");
    assert!(service.send(&service.client_to(&root, DENIED)).is_empty(), "kept on all five");
}

/// A local parent's trace state may come from elsewhere. The child of one without our member has none,
/// and a denied child of one that says denied but has a DSC has no DSC.
#[test]
fn below_a_local_parent_of_another_sampler() {
    let service = Service::of(&api().traces_sample_rate(1.0).build().unwrap());
    let state = |cx: &Context| span_context(cx).trace_state().header();
    for (parent, child) in [("", ""), ("a=b", "a=b"), ("ot=th:0,a=b", "ot=th:0,a=b")] {
        let parent = Context::new().with_remote_span_context(local(true, parent));
        assert_eq!(state(&service.start(&parent, SpanKind::Internal, "dns", &[])), child);
    }
    let parent = local(true, "sentry=c.x;S;ltheirs;r0.5");
    let parent = Context::new().with_remote_span_context(parent);
    let denied = state(&service.client_to(&parent, DENIED));
    assert!(!denied.is_empty() && !denied.contains("theirs"), "{denied}");
}
