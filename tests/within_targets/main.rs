//! `.within_targets()`: the targets also apply to the inner propagator's headers.
#![cfg(feature = "sdk")]

#[path = "../composition/lists.rs"]
mod lists;

use std::collections::HashMap;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, SentryBuilder, WrappedPropagator};

use lists::{baggage, list, w3c};

type Headers = HashMap<String, String>;

const TRACE: &str = "771a43a4192642f0b136d5159a501700";
const SPAN: &str = "7dd6b3a1fb4d9c2a";
const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42";
const ALLOWED: &str = "https://api.myecommerce.com/";
const DENIED: &str = "https://tracker.example/";
const AT_SENTRY: &str = "https://o1.ingest.sentry.io/api/42/";

fn api() -> SentryBuilder {
    Sentry::builder().dsn(DSN).traces_sample_rate(1.0).trace_propagation_targets([ALLOWED])
}

/// W3C's two propagators, with `Debug`.
fn inner() -> impl TextMapPropagator {
    list([w3c(), baggage()])
}

fn incoming() -> Headers {
    let pairs = [
        ("sentry-trace", format!("{TRACE}-{SPAN}-1")),
        ("traceparent", format!("00-{TRACE}-{SPAN}-01")),
        ("tracestate", "vendor=1".to_owned()),
        ("baggage", "tenant=7,sentry-release=theirs".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn inject(propagator: &impl TextMapPropagator, cx: &Context) -> Headers {
    let mut sent = Headers::new();
    propagator.inject_context(cx, &mut sent);
    sent
}

fn client(sentry: &Sentry, parent: &Context, url: Option<&str>) -> Context {
    let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
    let tracer = provider.tracer("within_targets");
    let url = url.map(|url| KeyValue::new("url.full", url.to_owned()));
    let builder = tracer.span_builder("GET").with_kind(SpanKind::Client).with_attributes(url);
    parent.with_span(builder.start_with_context(&tracer, parent))
}

/// Contexts of requests that may get Sentry's headers, and of those that may not.
fn contexts(sentry: &Sentry, came: &Context) -> Vec<(&'static str, bool, Context)> {
    vec![
        ("allowed", true, came.with_outgoing_url(ALLOWED)),
        ("unknown", true, came.clone()),
        ("denied", false, came.with_outgoing_url(DENIED)),
        ("at Sentry", false, came.with_outgoing_url(AT_SENTRY)),
        ("suppressed", false, came.with_outgoing_url(ALLOWED).with_telemetry_suppressed()),
        ("no valid span", false, came.with_remote_span_context(SpanContext::NONE)),
        ("a client's, allowed", true, client(sentry, came, Some(ALLOWED))),
        ("a client's, denied", false, client(sentry, came, Some(DENIED))),
        ("a client's, unknown", true, client(sentry, came, None)),
    ]
}

#[test]
fn no_header_where_no_sentry_header_is_allowed() {
    let sentry = api().build().expect("settings");
    let within = sentry.propagator().wrap(inner()).within_targets();
    let free = sentry.propagator().wrap(inner());
    let came = within.extract_with_context(&Context::new(), &incoming());
    let mut own = Baggage::new();
    let _ = own.insert("cart", "3 items");
    for came in [came.clone(), came.with_baggage(own)] {
        for (name, may, cx) in contexts(&sentry, &came) {
            let sent = inject(&within, &cx);
            match may {
                true => {
                    // Exactly the headers that are sent without it.
                    let mut all = inject(&free, &cx);
                    assert_eq!(members(&mut all), members(&mut sent.clone()), "{name}");
                    all.remove("baggage");
                    let mut rest = sent.clone();
                    rest.remove("baggage");
                    assert_eq!(rest, all, "{name}");
                    assert!(sent.contains_key("traceparent"), "{name}: {sent:?}");
                }
                false => assert!(sent.is_empty(), "{name}: {sent:?}"),
            }
        }
    }
}

/// OTel's baggage has no fixed order.
fn members(headers: &mut Headers) -> Vec<String> {
    let list = headers.get("baggage").cloned().unwrap_or_default();
    let mut members: Vec<String> = list.split(',').map(str::to_owned).collect();
    members.sort();
    members
}

#[test]
fn an_empty_list_denies_every_host() {
    let sentry = api().trace_propagation_targets([""; 0]).build().expect("settings");
    let within = sentry.propagator().wrap(inner()).within_targets();
    let came = within.extract_with_context(&Context::new(), &incoming());
    for (name, _, cx) in contexts(&sentry, &came) {
        let sent = inject(&within, &cx);
        assert!(sent.is_empty(), "{name}: {sent:?}");
    }
}

#[test]
fn an_unknown_url_is_denied_with_the_option() {
    let sentry = api().deny_unknown_urls(true).build().expect("settings");
    let within = sentry.propagator().wrap(inner()).within_targets();
    let came = within.extract_with_context(&Context::new(), &incoming());
    for (name, may, cx) in contexts(&sentry, &came) {
        let sent = inject(&within, &cx);
        let may = may && !name.contains("unknown");
        assert_eq!(!sent.is_empty(), may, "{name}: {sent:?}");
    }
}

/// Unset targets allow every host except Sentry itself.
#[test]
fn without_a_list_every_header_is_sent() {
    let sentry = Sentry::builder().dsn(DSN).build().expect("settings");
    let within = sentry.propagator().wrap(inner()).within_targets();
    let came = within.extract_with_context(&Context::new(), &incoming());
    for url in [ALLOWED, DENIED] {
        let sent = inject(&within, &came.with_outgoing_url(url));
        let names = ["sentry-trace", "traceparent", "tracestate", "baggage"];
        assert!(names.iter().all(|name| sent.contains_key(*name)), "{sent:?}");
    }
    assert!(inject(&within, &came.with_outgoing_url(AT_SENTRY)).is_empty());
}

/// It affects neither extract nor `fields`.
#[test]
fn extract_and_fields_are_the_same() {
    let sentry = api().build().expect("settings");
    let within: WrappedPropagator<_> = sentry.propagator().wrap(inner()).within_targets();
    let free = sentry.propagator().wrap(inner());
    let fields = |propagator: &dyn TextMapPropagator| -> Vec<String> {
        let mut fields: Vec<String> = propagator.fields().map(str::to_owned).collect();
        fields.sort();
        fields
    };
    assert_eq!(fields(&within), fields(&free));
    let read = |propagator: &dyn TextMapPropagator| {
        let cx = propagator.extract_with_context(&Context::new(), &incoming());
        let span = cx.span().span_context().clone();
        (span, cx.baggage().get("tenant").map(|value| value.to_string()))
    };
    assert_eq!(read(&within), read(&free));
    // If wrapped in another one, the outer one's targets apply.
    let outer = Sentry::builder().trace_propagation_targets([DENIED]).build().expect("settings");
    let nested = outer.propagator().wrap(free).within_targets();
    let came = nested.extract_with_context(&Context::new(), &incoming());
    assert!(inject(&nested, &came.with_outgoing_url(ALLOWED)).is_empty());
    assert!(inject(&nested, &came.with_outgoing_url(DENIED)).contains_key("traceparent"));
}
