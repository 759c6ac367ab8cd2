//! The same operations with sentry-opentelemetry, on its OTel version.

use std::hint::black_box;

use http::HeaderMap;
use opentelemetry_032::propagation::TextMapPropagator;
use opentelemetry_032::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_032::Context;
use opentelemetry_http_032::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk_032::trace::{Sampler, SdkTracer, SdkTracerProvider};
use sentry_opentelemetry::SentryPropagator;

use crate::operation::Operation;
use crate::scenario::{Scenario, Step};

struct Theirs {
    step: Step,
    propagator: Box<dyn TextMapPropagator>,
    headers: HeaderMap,
    tracer: SdkTracer,
    context: Context,
}

impl Theirs {
    fn extract(&self) -> Context {
        self.propagator.extract_with_context(&Context::new(), &HeaderExtractor(&self.headers))
    }

    /// Without a parent: its extract leaves no remote parent, so a new trace starts.
    fn child(&self, context: &Context) -> Context {
        context.with_span(self.tracer.start_with_context("GET /cart", context))
    }

    fn inject(&self, context: &Context, carrier: &mut HeaderMap) {
        self.propagator.inject_context(context, &mut HeaderInjector(carrier));
    }
}

impl Operation for Theirs {
    fn run(&self, carrier: &mut HeaderMap) {
        match self.step {
            Step::Extract => {
                black_box(self.extract());
            }
            Step::Inject => self.inject(&self.context, carrier),
            _ => self.inject(&self.child(&self.extract()), carrier),
        }
    }
}

pub(crate) fn prepare(scenario: &Scenario) -> Box<dyn Operation> {
    assert!(matches!(scenario.step, Step::Extract | Step::Inject | Step::Full), "{scenario:?}");
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let mut theirs = Theirs {
        step: scenario.step,
        propagator: Box::new(SentryPropagator::new()),
        headers: scenario.input.headers(),
        tracer: provider.tracer("benches"),
        context: Context::new(),
    };
    let extracted = theirs.extract();
    assert!(
        extracted.get::<sentry_core::TracePropagationContext>().is_some(),
        "nothing extracted: {extracted:?}",
    );
    theirs.context = theirs.child(&extracted);
    Box::new(theirs)
}
