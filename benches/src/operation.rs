//! The operations on the current OTel version.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;

use http::HeaderMap;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{
    Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use opentelemetry_sentry::{MergingInjector, Sentry};

use crate::floor::Floor;
use crate::input::Input;
use crate::scenario::{Propagator, Scenario, Step};

/// One operation, which can run any number of times.
pub trait Operation {
    /// Runs it once. Everything is dropped except the headers in `carrier`.
    fn run(&self, carrier: &mut HeaderMap);

    /// The trace in the request: its id, the decision, and whether it led to a `sentry` member. `None`
    /// if the operation does not extract.
    fn extracted(&self) -> Option<Extracted> {
        None
    }
}

#[derive(Debug, PartialEq)]
pub struct Extracted {
    pub trace_id: String,
    pub sampled: bool,
    pub has_member: bool,
}

enum Headers {
    Http(HeaderMap),
    Map(HashMap<String, String>),
}

impl Headers {
    fn with<T>(&self, f: impl FnOnce(&dyn Extractor) -> T) -> T {
        match self {
            Self::Http(headers) => f(&HeaderExtractor(headers)),
            Self::Map(headers) => f(headers),
        }
    }
}

struct Extract {
    propagator: Box<dyn TextMapPropagator>,
    headers: Headers,
}

impl Extract {
    fn context(&self) -> Context {
        self.headers.with(|headers| self.propagator.extract_with_context(&Context::new(), headers))
    }
}

impl Operation for Extract {
    fn run(&self, _: &mut HeaderMap) {
        black_box(self.context());
    }

    fn extracted(&self) -> Option<Extracted> {
        let context = self.context();
        let span = context.span();
        let span_context = span.span_context();
        span_context.is_valid().then(|| Extracted {
            trace_id: span_context.trace_id().to_string(),
            sampled: span_context.is_sampled(),
            has_member: span_context.trace_state().get("sentry").is_some(),
        })
    }
}

/// The number of contexts that are injected in turn. The stock propagator writes baggage in a hash
/// map's order, which differs between contexts, and so does the cost.
const CONTEXTS: usize = 400;

struct Inject {
    propagator: Box<dyn TextMapPropagator>,
    contexts: Vec<Context>,
    next: Cell<usize>,
}

impl Inject {
    fn new(extract: Extract, below: impl Fn(Context) -> Context) -> Self {
        let contexts = (0..CONTEXTS).map(|_| below(extract.context())).collect();
        Inject { propagator: extract.propagator, contexts, next: Cell::new(0) }
    }

    fn inject(&self, carrier: &mut dyn Injector) {
        let next = self.next.get();
        self.next.set((next + 1) % self.contexts.len());
        self.propagator.inject_context(&self.contexts[next], carrier);
    }
}

impl Operation for Inject {
    fn run(&self, carrier: &mut HeaderMap) {
        self.inject(&mut HeaderInjector(carrier));
    }
}

struct InjectMerging(Inject);

impl Operation for InjectMerging {
    fn run(&self, carrier: &mut HeaderMap) {
        self.0.inject(&mut MergingInjector(carrier));
    }
}

struct Full {
    extract: Extract,
    tracer: SdkTracer,
}

impl Operation for Full {
    fn run(&self, carrier: &mut HeaderMap) {
        let context = self.extract.context();
        let span = self.tracer.start_with_context("GET /cart", &context);
        let context = context.with_span(span);
        self.extract.propagator.inject_context(&context, &mut HeaderInjector(carrier));
    }

    fn extracted(&self) -> Option<Extracted> {
        self.extract.extracted()
    }
}

struct StartSpan {
    tracer: SdkTracer,
    parent: Context,
    start: fn(&SdkTracer, &Context) -> Span,
}

impl Operation for StartSpan {
    fn run(&self, _: &mut HeaderMap) {
        black_box((self.start)(&self.tracer, &self.parent));
    }
}

pub(crate) fn prepare(scenario: &Scenario) -> Box<dyn Operation> {
    let Scenario { step, input, propagator: by, .. } = *scenario;
    let sentry = sentry(&[]);
    let propagator = propagator(by, &sentry);
    let headers = match input {
        Input::AbsentHashMap => Headers::Map(input.hash_map()),
        _ => Headers::Http(input.headers()),
    };
    let extract = Extract { propagator, headers };
    let stock = stock_tracer();
    match step {
        Step::Extract => Box::new(extract),
        Step::Full => Box::new(Full { extract, tracer: stock }),
        Step::Inject => inject(extract, |context| child(&stock, &context)),
        Step::InjectMerging => {
            Box::new(InjectMerging(Inject::new(extract, |context| child(&stock, &context))))
        }
        Step::InjectUserBaggage => inject(extract, |context| {
            child(&stock, &context)
                .with_baggage([KeyValue::new("tenant", "7"), KeyValue::new("user", "alice smith")])
        }),
        Step::InjectHead => inject(extract, |context| {
            let tracer = tracer(&sentry);
            let span = tracer
                .span_builder("GET /cart")
                .with_kind(SpanKind::Server)
                .with_attributes([KeyValue::new("http.route", "/cart")])
                .start_with_context(&tracer, &context);
            context.with_span(span)
        }),
        Step::InjectDenied => {
            let denied = self::sentry(&["https://auth.example.com"]);
            let extract = Extract { propagator: self::propagator(by, &denied), ..extract };
            inject(extract, |context| context.with_span(client_span(&tracer(&denied), &context)))
        }
        Step::FirstSpan | Step::Span | Step::ClientSpan => {
            // Stock samplers get our trace state. Only the row that measures its cost omits it.
            let parent = match by {
                Propagator::TraceContext => extract.context(),
                _ => Extract { propagator: Box::new(sentry.propagator()), ..extract }.context(),
            };
            Box::new(StartSpan {
                parent: if step == Step::FirstSpan { parent } else { child(&stock, &parent) },
                tracer: if by == Propagator::Sentry { tracer(&sentry) } else { stock },
                start: if step == Step::ClientSpan { client_span } else { internal_span },
            })
        }
    }
}

fn inject(extract: Extract, below: impl Fn(Context) -> Context) -> Box<dyn Operation> {
    Box::new(Inject::new(extract, below))
}

fn sentry(targets: &[&str]) -> Sentry {
    let builder = Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42")
        .release("shop@1")
        .traces_sample_rate(1.0);
    let builder = match targets {
        [] => builder,
        _ => builder.trace_propagation_targets(targets.iter().copied()),
    };
    builder.build().expect("good settings")
}

fn propagator(by: Propagator, sentry: &Sentry) -> Box<dyn TextMapPropagator> {
    let stock = || {
        TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ])
    };
    match by {
        Propagator::Sentry => Box::new(sentry.propagator()),
        Propagator::Wrapped => Box::new(sentry.propagator().wrap(stock())),
        Propagator::WrappedTraceContext => {
            Box::new(sentry.propagator().wrap(TraceContextPropagator::new()))
        }
        Propagator::Stock => Box::new(stock()),
        Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
        Propagator::Floor => Box::new(Floor),
        Propagator::SentryOpentelemetry => unreachable!("it uses its own OTel version"),
    }
}

fn stock_tracer() -> SdkTracer {
    let sampler = Sampler::parent_based(Sampler::AlwaysOn);
    SdkTracerProvider::builder().with_sampler(sampler).build().tracer("benches")
}

fn tracer(sentry: &Sentry) -> SdkTracer {
    SdkTracerProvider::builder().with_sampler(sentry.sampler()).build().tracer("benches")
}

fn child(tracer: &SdkTracer, parent: &Context) -> Context {
    parent.with_span(internal_span(tracer, parent))
}

fn internal_span(tracer: &SdkTracer, parent: &Context) -> Span {
    tracer.start_with_context("GET /cart", parent)
}

fn client_span(tracer: &SdkTracer, parent: &Context) -> Span {
    tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.full", "http://api.example.com/cart"),
        ])
        .start_with_context(tracer, parent)
}
