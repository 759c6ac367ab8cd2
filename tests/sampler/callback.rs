//! `traces_sampler`: its arguments, and the effect of its result.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sentry::{SamplingContext, Sentry, SentryBuilder};

use crate::common::service::Service;
use crate::common::warnings::{assert_one, warnings};
use crate::common::{dsc_value, flag, headers, sentry_trace, Headers, DSN, TRACE_ID};

fn shop() -> SentryBuilder {
    Sentry::builder().dsn(DSN)
}

fn incoming(flag: Option<&str>, list: &str) -> Headers {
    let trace = flag.map(sentry_trace);
    let trace = trace.iter().map(|trace| ("sentry-trace", &**trace));
    headers(trace.chain([("baggage", list)]))
}

/// The arguments of one call.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    name: String,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    trace_id: String,
    parent_sampled: Option<bool>,
    parent_sample_rate: Option<f64>,
}

fn told(ctx: &SamplingContext<'_>) -> Told {
    Told {
        name: ctx.name().to_owned(),
        kind: ctx.span_kind().clone(),
        attributes: ctx.attributes().to_vec(),
        trace_id: ctx.trace_id().to_string(),
        parent_sampled: ctx.parent_sampled(),
        parent_sample_rate: ctx.parent_sample_rate(),
    }
}

/// Called once per trace and service, with the facts known at the start of the first span.
#[test]
fn it_gets_the_known_facts() {
    let (no, yes) = (Some(false), Some(true));
    let rows = [
        ("head", None, "sentry-sample_rate=0.5", None, None),
        ("deferred", Some(""), "", None, None),
        ("deferred, with a rate", Some(""), "sentry-sample_rate=0.5", None, Some(0.5)),
        ("not sampled", Some("-0"), "sentry-sample_rate=0.25", no, Some(0.25)),
        ("sampled", Some("-1"), "sentry-sample_rate=0.25", yes, Some(0.25)),
        ("sampled, no rate", Some("-1"), "sentry-release=x", yes, None),
        ("sampled in the header, not in the DSC", Some("-1"), "sentry-sampled=false", yes, None),
        ("deferred in the header, not in the DSC", Some(""), "sentry-sampled=true", None, None),
        ("rate of 0", Some("-0"), "sentry-sample_rate=0", no, Some(0.0)),
        ("rate of 1", Some("-1"), "sentry-sample_rate=1.0", yes, Some(1.0)),
        ("rate with an exponent", Some("-1"), "sentry-sample_rate=1e-2", yes, Some(0.01)),
        ("encoded rate", Some("-1"), "sentry-sample_rate=0%2E5", yes, Some(0.5)),
        ("rate above 1", Some("-1"), "sentry-sample_rate=1.5", yes, None),
        ("negative rate", Some("-1"), "sentry-sample_rate=-0.5", yes, None),
        ("no number", Some("-1"), "sentry-sample_rate=NaN", yes, None),
        ("infinite", Some("-1"), "sentry-sample_rate=inf", yes, None),
        ("empty", Some("-1"), "sentry-sample_rate=", yes, None),
    ];
    let attributes = [KeyValue::new("http.request.method", "GET"), KeyValue::new("n", 7)];
    for (name, parent, list, parent_sampled, parent_sample_rate) in rows {
        let calls: Arc<Mutex<Vec<Told>>> = Arc::default();
        let seen = Arc::clone(&calls);
        let builder = shop().traces_sampler(move |ctx| {
            seen.lock().unwrap().push(told(ctx));
            1.0
        });
        let service = Service::of(&builder.build().unwrap());
        let parent = service.receive(&incoming(parent, list));
        let server = service.start(&parent, SpanKind::Server, "GET /cart", &attributes);
        service.client(&server);
        let expected = Told {
            name: "GET /cart".to_owned(),
            kind: SpanKind::Server,
            attributes: attributes.to_vec(),
            trace_id: TRACE_ID.to_owned(),
            parent_sampled,
            parent_sample_rate,
        };
        assert_eq!(*calls.lock().unwrap(), [expected], "{name}");
    }
}

/// The parent's rate; otherwise 1 or 0 by its decision; otherwise the fallback.
#[test]
fn inherit_or_sample_with() {
    let rows = [
        ("head", None, "", "0.69"),
        ("deferred", Some(""), "sentry-release=x", "0.69"),
        ("deferred, with a rate", Some(""), "sentry-sample_rate=0.1337", "0.1337"),
        ("sampled", Some("-1"), "sentry-release=x", "1"),
        ("not sampled", Some("-0"), "sentry-release=x", "0"),
        ("sampled, with a rate", Some("-1"), "sentry-sample_rate=0.1337", "0.1337"),
        ("not sampled, with a rate", Some("-0"), "sentry-sample_rate=0.1337", "0.1337"),
        // A rate that the decision contradicts counts as missing.
        ("sampled at 0", Some("-1"), "sentry-sample_rate=0", "1"),
        ("sampled at 0, written differently", Some("-1"), "sentry-sample_rate=0.0e7", "1"),
        ("sampled at almost 0", Some("-1"), "sentry-sample_rate=1e-300", "1"),
        ("not sampled at 1", Some("-0"), "sentry-sample_rate=1.0", "0"),
        ("not sampled at almost 1", Some("-0"), "sentry-sample_rate=0.9999999", "0"),
        (
            "sampled at 0, with this sample_rand",
            Some("-1"),
            "sentry-sample_rate=0,sentry-sample_rand=0.9",
            "1",
        ),
        ("deferred at 0", Some(""), "sentry-sample_rate=0", "0"),
    ];
    for (name, parent, list, rate) in rows {
        let sampler = |ctx: &SamplingContext<'_>| ctx.inherit_or_sample_with(0.69);
        let service = Service::of(&shop().traces_sampler(sampler).build().unwrap());
        let sent = service.relay(&incoming(parent, list));
        assert_eq!(dsc_value(&sent, "sample_rate"), Some(rate), "{name}");
        // The inherited rate leads to the inherited decision.
        if let Some(parent) = parent.filter(|flag| !flag.is_empty()) {
            assert_eq!(flag(&sent), Some(&parent[1..]), "{name}");
        }
        let number = |key| dsc_value(&sent, key).map(|text| text.parse::<f64>().unwrap());
        // If no value can have led to the head's decision, there is no `sample_rand`.
        if let (Some(rand), Some(rate)) = (number("sample_rand"), number("sample_rate")) {
            assert_eq!(flag(&sent), Some(if rand < rate { "1" } else { "0" }), "{name}");
        }
    }
}

/// Its result overrides the rate and the parent. The head's `sampled` is forwarded unchanged.
#[test]
fn it_overrides_the_parent() {
    let list = "sentry-sample_rand=0.5,sentry-sampled=true,sentry-sample_rate=0.6,sentry-x=1";
    let service = Service::of(&shop().traces_sampler(|_| 0.4).build().unwrap());
    let sent = service.relay(&incoming(Some("-1"), list));
    assert_eq!(flag(&sent), Some("0"));
    assert_eq!(sent["baggage"], list.replace("0.6", "0.4"));
}

/// It is not called again below a local span.
#[test]
fn it_is_called_once() {
    let calls = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&calls);
    let builder = shop().traces_sampler(move |_| {
        *seen.lock().unwrap() += 1;
        0.0
    });
    let service = Service::of(&builder.build().unwrap());
    let root = service.server(&Context::new(), "cart");
    for _ in 0..3 {
        assert!(!service.client(&root).span().is_recording());
    }
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[test]
fn an_invalid_rate_counts_as_0_with_one_warning() {
    let rates = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.000001, 1e300, 1e-16, -1e-16];
    let next = Arc::new(Mutex::new(rates.into_iter().cycle()));
    let builder = shop().traces_sampler(move |_| next.lock().unwrap().next().unwrap());
    let service = Service::of(&builder.build().unwrap());
    let warned = warnings(|| {
        for _ in rates {
            let root = service.server(&Context::new(), "cart");
            assert!(!root.span().is_recording());
            let sent = service.send(&root);
            assert_eq!(flag(&sent), Some("0"));
            assert_eq!(dsc_value(&sent, "sample_rate"), Some("0"));
            assert_eq!(dsc_value(&sent, "sampled"), Some("false"));
        }
    });
    assert_one(&warned, "traces_sampler returned a rate");
}

/// Rates are printed without an exponent. Above 0.999999 they count as 1.
#[test]
fn format_of_outgoing_rates() {
    let rows = [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.3333333333333333"),
        (1e-7, "0.0000001"),
        (1e-15, "0.000000000000001"),
        (0.999999, "0.999999"),
        (0.9999991, "1"),
        (0.9999999, "1"),
    ];
    for (rate, text) in rows {
        let services = [shop().traces_sampler(move |_| rate), shop().traces_sample_rate(rate)];
        for builder in services {
            let service = Service::of(&builder.build().unwrap());
            let mut sent = Headers::new();
            let warned = warnings(|| sent = service.send(&service.server(&Context::new(), "cart")));
            assert_eq!(dsc_value(&sent, "sample_rate"), Some(text), "{rate}");
            assert!(warned.is_empty(), "{rate}");
        }
    }
}
