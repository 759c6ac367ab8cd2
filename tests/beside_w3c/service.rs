//! One request through one service, under any sampler and in any composition.

use std::collections::HashMap;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sentry::Sentry;

use crate::lists::{baggage, list, w3c, Composition, Propagator};

pub(crate) type Headers = HashMap<String, String>;

pub(crate) const TRACE: &str = "771a43a4192642f0b136d5159a501700";
pub(crate) const SPAN: &str = "7dd6b3a1fb4d9c2a";
pub(crate) const OTHER_TRACE: &str = "12312012123120121231201212312012";
pub(crate) const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42";

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `sentry-trace` of the usual ids; the flag is `-1`, `-0` or empty.
pub(crate) fn sentry_trace(flag: &str) -> String {
    format!("{TRACE}-{SPAN}{flag}")
}

pub(crate) fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

/// Members of the context's own baggage: key, value, metadata.
pub(crate) fn own(members: &[(&str, &str, &str)]) -> Baggage {
    let mut own = Baggage::new();
    for (key, value, metadata) in members {
        let _ = own.insert_with_metadata((*key).to_owned(), (*value).to_owned(), *metadata);
    }
    assert_eq!(own.len(), members.len(), "{members:?}");
    own
}

pub(crate) fn span_context(cx: &Context) -> SpanContext {
    cx.span().span_context().clone()
}

/// Compositions in which we control the outgoing `tracestate` or `baggage`.
pub(crate) fn wraps(sentry: &Sentry) -> Vec<(&'static str, Propagator)> {
    let composed = |composition: Composition| (composition.name(), composition.propagator(sentry));
    let wrap = |inner: TextMapCompositePropagator| -> Propagator {
        Box::new(sentry.propagator().wrap(inner))
    };
    vec![
        composed(Composition::WrapW3c),
        composed(Composition::WrapW3cBaggage),
        composed(Composition::WrapBaggageW3c),
        ("wrap(Baggage)", wrap(list([baggage()]))),
        ("wrap(wrap([W3C, Baggage]))", wrap(list([wrap(list([w3c(), baggage()]))]))),
    ]
}

/// Lists in the documented order.
pub(crate) fn lists(sentry: &Sentry) -> Vec<(&'static str, Propagator)> {
    [Composition::W3cBaggageSentry, Composition::BaggageW3cSentry]
        .map(|composition| (composition.name(), composition.propagator(sentry)))
        .into()
}

/// No tracer, our sampler, or one of the SDK's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Under {
    NoTracer,
    Ours,
    AlwaysOn,
    AlwaysOff,
    Ratio(f64),
    /// The SDK's default.
    ParentBased,
}

impl Under {
    pub(crate) const ALL: [Under; 7] = [
        Under::NoTracer,
        Under::Ours,
        Under::AlwaysOn,
        Under::AlwaysOff,
        Under::Ratio(0.5),
        Under::Ratio(1.0),
        Under::ParentBased,
    ];

    /// One of each kind, for tests with many inputs.
    pub(crate) const SHORT: [Under; 4] =
        [Under::NoTracer, Under::Ours, Under::AlwaysOff, Under::ParentBased];

    fn provider(self, sentry: &Sentry) -> Option<SdkTracerProvider> {
        let provider = SdkTracerProvider::builder();
        let sampler = match self {
            Under::NoTracer => return None,
            Under::Ours => return Some(provider.with_sampler(sentry.sampler()).build()),
            Under::AlwaysOn => Sampler::AlwaysOn,
            Under::AlwaysOff => Sampler::AlwaysOff,
            Under::Ratio(rate) => Sampler::TraceIdRatioBased(rate),
            Under::ParentBased => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        };
        Some(provider.with_sampler(sampler).build())
    }

    /// The remote parent itself, its child, or the child of a local span below it.
    pub(crate) fn below(self, sentry: &Sentry, parent: &Context) -> Vec<Context> {
        let Some(provider) = self.provider(sentry) else {
            return vec![parent.clone()];
        };
        let child = start(&provider, parent, SpanKind::Server, None);
        let grandchild = start(&provider, &child, SpanKind::Internal, None);
        vec![child, grandchild]
    }

    /// Starts a span of this kind below `parent`, optionally with a `url.full`.
    pub(crate) fn start(
        self,
        sentry: &Sentry,
        parent: &Context,
        kind: SpanKind,
        url: Option<&str>,
    ) -> Context {
        let provider = self.provider(sentry).expect("a tracer");
        start(&provider, parent, kind, url)
    }
}

fn start(provider: &SdkTracerProvider, at: &Context, kind: SpanKind, url: Option<&str>) -> Context {
    let tracer = provider.tracer("beside_w3c");
    let url = url.map(|url| KeyValue::new("url.full", url.to_owned()));
    let builder = tracer.span_builder("checkout").with_kind(kind).with_attributes(url);
    at.with_span(builder.start_with_context(&tracer, at))
}

pub(crate) fn extract(propagator: &dyn TextMapPropagator, carrier: &dyn Extractor) -> Context {
    propagator.extract_with_context(&Context::new(), carrier)
}

pub(crate) fn inject(propagator: &dyn TextMapPropagator, cx: &Context) -> Headers {
    let mut sent = Headers::new();
    propagator.inject_context(cx, &mut sent);
    sent
}

/// Adds members to the incoming baggage.
pub(crate) fn with_own(cx: &Context, members: &[(&str, &str, &str)]) -> Context {
    let mut all: Baggage = cx.baggage().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value, metadata) in members {
        let _ = all.insert_with_metadata((*key).to_owned(), (*value).to_owned(), *metadata);
    }
    cx.with_baggage(all)
}
