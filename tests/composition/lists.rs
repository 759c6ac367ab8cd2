//! The ways to combine our propagator with W3C's and OTel's baggage.
#![allow(dead_code)] // Each test uses only part of it.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sentry::Sentry;
use serde::Deserialize;

pub(crate) type Propagator = Box<dyn TextMapPropagator + Send + Sync>;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Composition {
    #[serde(rename = "Sentry")]
    Alone,
    #[serde(rename = "wrap(W3C)")]
    WrapW3c,
    #[serde(rename = "wrap([W3C, Baggage])")]
    WrapW3cBaggage,
    #[serde(rename = "wrap([Baggage, W3C])")]
    WrapBaggageW3c,
    #[serde(rename = "[W3C, Sentry]")]
    W3cSentry,
    #[serde(rename = "[W3C, Baggage, Sentry]")]
    W3cBaggageSentry,
    #[serde(rename = "[Baggage, W3C, Sentry]")]
    BaggageW3cSentry,
    #[serde(rename = "[Sentry, W3C, Baggage]")]
    SentryW3cBaggage,
}

use Composition::*;

impl Composition {
    pub(crate) const ALL: [Composition; 8] = [
        Alone,
        WrapW3c,
        WrapW3cBaggage,
        WrapBaggageW3c,
        W3cSentry,
        W3cBaggageSentry,
        BaggageW3cSentry,
        SentryW3cBaggage,
    ];

    /// The name in the table and in `docs/composition.md`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Alone => "Sentry",
            WrapW3c => "wrap(W3C)",
            WrapW3cBaggage => "wrap([W3C, Baggage])",
            WrapBaggageW3c => "wrap([Baggage, W3C])",
            W3cSentry => "[W3C, Sentry]",
            W3cBaggageSentry => "[W3C, Baggage, Sentry]",
            BaggageW3cSentry => "[Baggage, W3C, Sentry]",
            SentryW3cBaggage => "[Sentry, W3C, Baggage]",
        }
    }

    pub(crate) fn propagator(self, sentry: &Sentry) -> Propagator {
        let sentry = sentry.propagator();
        match self {
            Alone => Box::new(sentry),
            WrapW3c => Box::new(sentry.wrap(TraceContextPropagator::new())),
            WrapW3cBaggage => Box::new(sentry.wrap(list([w3c(), baggage()]))),
            WrapBaggageW3c => Box::new(sentry.wrap(list([baggage(), w3c()]))),
            W3cSentry => Box::new(list([w3c(), Box::new(sentry)])),
            W3cBaggageSentry => Box::new(list([w3c(), baggage(), Box::new(sentry)])),
            BaggageW3cSentry => Box::new(list([baggage(), w3c(), Box::new(sentry)])),
            SentryW3cBaggage => Box::new(list([Box::new(sentry), w3c(), baggage()])),
        }
    }

    /// Whether a `BaggagePropagator` overwrites our `baggage`.
    pub(crate) fn baggage_follows(self) -> bool {
        self == SentryW3cBaggage
    }

    /// Whether our propagator controls the outgoing `tracestate`.
    pub(crate) fn is_list_with_w3c(self) -> bool {
        matches!(self, W3cSentry | W3cBaggageSentry | BaggageW3cSentry | SentryW3cBaggage)
    }
}

pub(crate) fn w3c() -> Propagator {
    Box::new(TraceContextPropagator::new())
}

pub(crate) fn baggage() -> Propagator {
    Box::new(BaggagePropagator::new())
}

pub(crate) fn list<const N: usize>(propagators: [Propagator; N]) -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(propagators.into())
}
