//! Rows that send one request through one service.

use std::collections::HashMap;

use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sentry::Sentry;

use super::row::{all, Row, SamplerName, Through, TraceRow};
use super::sent::Sent;
use crate::lists::{list, w3c, Composition, Propagator};

#[test]
fn every_row_sends_as_specified() {
    let mut wrong = Vec::new();
    for row in all() {
        if let Row::Trace(row) = row {
            let faults = row.send().faults(&row);
            wrong.extend(faults.into_iter().map(|fault| format!("{}: {fault}", row.name)));
        }
    }
    assert!(wrong.is_empty(), "{} faults\n{}", wrong.len(), wrong.join("\n"));
}

impl TraceRow {
    fn send(&self) -> Sent {
        let sentry = self.settings.sentry();
        let propagator = self.propagator(&sentry);
        let incoming: HashMap<String, String> = self
            .incoming
            .iter()
            .map(|(name, value)| (name.clone(), self.spell(&value.expand())))
            .collect();
        let before = match self.read_before {
            true => TraceContextPropagator::new().extract(&incoming),
            false => Context::new(),
        };
        let cx = self.add_own(propagator.extract_with_context(&before, &incoming));
        let cx = match self.provider(&sentry) {
            Some(provider) => self.client(cx, &provider),
            None => cx,
        };
        let mut headers = HashMap::new();
        propagator.inject_context(&cx, &mut headers);
        Sent { headers, span: cx.span().span_context().clone() }
    }

    fn provider(&self, sentry: &Sentry) -> Option<SdkTracerProvider> {
        let provider = SdkTracerProvider::builder();
        let provider = match self.sampler {
            SamplerName::None => return None,
            SamplerName::Ours => provider.with_sampler(sentry.sampler()),
            SamplerName::AlwaysOn => provider.with_sampler(Sampler::AlwaysOn),
            SamplerName::ParentBased => {
                provider.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            }
        };
        Some(provider.build())
    }

    fn propagator(&self, sentry: &Sentry) -> Propagator {
        let Some(inner) = &self.inner_baggage else {
            let ours = sentry.propagator();
            return match self.through {
                Through::Alone => Box::new(ours),
                Through::Wrap => Composition::WrapW3c.propagator(sentry),
                Through::WrapBaggage => Box::new(ours.wrap(BaggagePropagator::new())),
                Through::W3cFirst => Composition::W3cBaggageSentry.propagator(sentry),
                Through::SentryFirst => Box::new(list([Box::new(ours), w3c()])),
            };
        };
        assert!(matches!(self.through, Through::Wrap), "{}: no inner propagator", self.name);
        let inner = list([w3c(), Box::new(WritesBaggage(inner.expand()))]);
        Box::new(sentry.propagator().wrap(inner))
    }

    /// The context with the row's own baggage and the incoming headers.
    fn add_own(&self, cx: Context) -> Context {
        let counted = (1..=self.own_count).map(|number| (format!("k{number}"), "v".to_owned()));
        let own: Vec<(String, String)> = self.own.iter().cloned().chain(counted).collect();
        if own.is_empty() {
            return cx;
        }
        let came = cx.baggage().iter();
        let mut baggage: Baggage = came.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in own {
            let _ = baggage.insert(key, value);
        }
        cx.with_baggage(baggage)
    }

    /// A CLIENT span below a SERVER span.
    fn client(&self, parent: Context, provider: &SdkTracerProvider) -> Context {
        let tracer = provider.tracer("regressions");
        let server = tracer
            .span_builder("checkout")
            .with_kind(SpanKind::Server)
            .start_with_context(&tracer, &parent);
        let server = parent.with_span(server);
        let url = self.url.clone().map(|url| KeyValue::new("url.full", url));
        let client = tracer
            .span_builder("GET")
            .with_kind(SpanKind::Client)
            .with_attributes(url)
            .start_with_context(&tracer, &server);
        server.with_span(client)
    }
}

/// Another party's propagator that writes one list and reads nothing.
#[derive(Debug)]
struct WritesBaggage(String);

impl TextMapPropagator for WritesBaggage {
    fn inject_context(&self, _cx: &Context, injector: &mut dyn Injector) {
        injector.set("baggage", self.0.clone());
    }

    fn extract_with_context(&self, cx: &Context, _extractor: &dyn Extractor) -> Context {
        cx.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}
