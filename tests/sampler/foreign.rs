//! Only the propagator is ours. Another sampler decides.

use opentelemetry::Context;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::common::service::{Boxed, Foreign, Service};
use crate::common::warnings::{assert_one, warnings};
use crate::common::{dsc_value, flag, headers, sentry_trace, DSN};

/// The settings have a rate. It is never sent because it was not applied.
fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sample_rate(0.25)
}

fn foreign(decision: SamplingDecision) -> Foreign {
    Foreign { decision, member: None }
}

fn samplers() -> Vec<(&'static str, Boxed, bool)> {
    let boxed: [(_, Box<dyn ShouldSample>, _); 7] = [
        ("AlwaysOn", Sampler::AlwaysOn.into(), true),
        ("AlwaysOff", Sampler::AlwaysOff.into(), false),
        ("ParentBased(AlwaysOn)", Sampler::ParentBased(Box::new(Sampler::AlwaysOn)).into(), true),
        ("parent_based(AlwaysOn)", Sampler::parent_based(Sampler::AlwaysOn).into(), true),
        ("TraceIdRatioBased(1)", Sampler::TraceIdRatioBased(1.0).into(), true),
        ("TraceIdRatioBased(0)", Sampler::TraceIdRatioBased(0.0).into(), false),
        ("RecordOnly", foreign(SamplingDecision::RecordOnly).into(), false),
    ];
    boxed.map(|(name, sampler, on)| (name, Boxed(sampler), on)).into()
}

#[test]
fn as_head() {
    for (name, sampler, on) in samplers() {
        let service = Service::new(&shop().build().unwrap(), sampler);
        let root = service.server(&Context::new(), "cart");
        for cx in [root.clone(), service.client(&root)] {
            let sent = service.send(&cx);
            assert_eq!(flag(&sent), Some(if on { "1" } else { "0" }), "{name}");
            assert_eq!(dsc_value(&sent, "sampled"), Some(&*on.to_string()), "{name}");
            assert_eq!(dsc_value(&sent, "sample_rate"), None, "{name}");
            assert_eq!(dsc_value(&sent, "transaction"), None, "{name}");
            assert!(dsc_value(&sent, "sample_rand").is_some(), "{name}");
        }
    }
}

/// A sampler that writes its probability to the `ot` member.
#[test]
fn as_head_with_a_threshold() {
    // The usual trace id's randomness is 0x36d5159a501700.
    let rows = [
        ("ot=th:2", "th:2", SamplingDecision::RecordAndSample, Some("0.875")),
        ("ot=th:0", "th:0", SamplingDecision::RecordAndSample, Some("1")),
        (
            "an rv beside it",
            "th:8;rv:80000000000000",
            SamplingDecision::RecordAndSample,
            Some("0.5"),
        ),
        ("not held", "th:8", SamplingDecision::RecordAndSample, None),
        ("dropped", "th:2", SamplingDecision::Drop, None),
        ("recorded only", "th:2", SamplingDecision::RecordOnly, None),
        ("not valid", "th:X", SamplingDecision::RecordAndSample, None),
        ("too long", "th:222222222222222", SamplingDecision::RecordAndSample, None),
        ("upper case", "th:0A", SamplingDecision::RecordAndSample, None),
        ("nothing of it", "foo:bar", SamplingDecision::RecordAndSample, None),
    ];
    for (name, ot, decision, rate) in rows {
        let sampled = decision == SamplingDecision::RecordAndSample;
        let sampler = Foreign { decision, member: Some(("ot", ot)) };
        let service = Service::new(&shop().build().unwrap(), sampler);
        let sent = service.send(&service.server(&Context::new(), "cart"));
        assert_eq!(dsc_value(&sent, "sample_rate"), rate, "{name}");
        assert_eq!(flag(&sent), Some(if sampled { "1" } else { "0" }), "{name}");
        if let Some(rate) = rate {
            let number = |text: &str| text.parse::<f64>().unwrap();
            let rand = dsc_value(&sent, "sample_rand").unwrap();
            assert!(number(rand) < number(rate), "{name}: {rand} < {rate}");
        }
    }
}

/// The DSC stays the head's. The flag is the decision of this service.
#[test]
fn in_the_middle() {
    let list = "sentry-sample_rand=0.1,sentry-sample_rate=0.5,sentry-sampled=head,sentry-x=1";
    for (name, sampler, on) in samplers() {
        let follows = name.to_lowercase().contains("parent");
        let service = Service::new(&shop().build().unwrap(), sampler);
        for parent in ["-1", "-0"] {
            let incoming = headers([("sentry-trace", &*sentry_trace(parent)), ("baggage", list)]);
            let sent = service.relay(&incoming);
            let on = if follows { parent == "-1" } else { on };
            assert_eq!(flag(&sent), Some(if on { "1" } else { "0" }), "{name}, {parent}");
            assert_eq!(sent["baggage"], list, "{name}, {parent}");
        }
    }
}

/// If sampled, the trace is decided and the DSC has that decision. Otherwise it stays deferred,
/// with one warning.
#[test]
fn an_ignored_deferred_trace_stays_deferred() {
    const WARNING: &str = "a deferred Sentry trace was not sampled";
    for list in ["sentry-sample_rand=0.1,sentry-release=theirs,sentry-x=1", ""] {
        let incoming = headers([("sentry-trace", &*sentry_trace("")), ("baggage", list)]);
        for (name, sampler, on) in samplers() {
            // Every sampler that follows a parent follows its missing flag.
            let on = on && !name.to_lowercase().contains("parent");
            let service = Service::new(&shop().build().unwrap(), sampler);
            let warned = warnings(|| {
                for _ in 0..3 {
                    let sent = service.relay(&incoming);
                    assert_eq!(flag(&sent), on.then_some("1"), "{name}");
                    let decided = if on && !list.is_empty() { ",sentry-sampled=true" } else { "" };
                    let expected = format!("{list}{decided}");
                    let baggage = sent.get("baggage").map_or("", String::as_str);
                    assert_eq!(baggage, expected, "{name}");
                }
            });
            if on {
                assert!(warned.is_empty(), "{name}: {warned:?}");
            } else {
                assert_one(&warned, WARNING);
            }
        }
    }
}

/// One warning per settings, and none if our own sampler left the trace undecided.
#[test]
fn our_own_sampler_does_not_warn_of_itself() {
    let incoming = headers([("sentry-trace", &*sentry_trace(""))]);
    let ours = Service::of(&Sentry::builder().dsn(DSN).build().unwrap());
    let warned = warnings(|| {
        ours.relay(&incoming);
        // A remote span without a local span below it is undecided, not ignored.
        ours.send(&ours.receive(&incoming));
        ours.send(&ours.server(&Context::new(), "cart"));
    });
    assert!(warned.is_empty(), "{warned:?}");

    let sentry = shop().build().unwrap();
    let warned = warnings(|| {
        for _ in 0..2 {
            Service::new(&sentry, Sampler::AlwaysOff).relay(&incoming);
        }
    });
    assert_one(&warned, "a deferred Sentry trace was not sampled");
}

/// Our sampler below a foreign head in the same process: a local parent is followed.
#[test]
fn our_sampler_below_a_foreign_span() {
    for (name, sampler, on) in samplers() {
        let foreign = Service::new(&shop().build().unwrap(), sampler);
        let ours = Service::of(&shop().traces_sampler(|_| 0.5).build().unwrap());
        let root = foreign.server(&Context::new(), "cart");
        let sent = ours.send(&ours.client(&root));
        assert_eq!(flag(&sent), Some(if on { "1" } else { "0" }), "{name}");
        assert_eq!(dsc_value(&sent, "sample_rate"), None, "{name}");
    }
}
