//! The operations to count. Each result is checked first.

use http::header::{HeaderMap, HeaderValue};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use opentelemetry_sentry::{Sentry, SentryPropagator};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Extract,
    Inject,
    /// Below a span that starts its trace here.
    InjectHead,
    InjectUserBaggage,
    /// A request outside the targets.
    InjectDenied,
    /// Extract, a child span under the stock parent-based sampler, inject.
    Full,
    /// A service's first span, below a remote parent. It copies the trace state.
    FirstSpan,
    ChildSpan,
    ClientSpan,
    /// A CLIENT span whose URL is not asked for: no DSN, and every destination is a target.
    ClientSpanAnywhere,
    /// A child span under the stock parent-based sampler, with our trace state.
    StockSpan,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    Absent,
    /// `sentry-trace` without baggage.
    TraceAlone,
    /// With a rate, so there is an `ot` member.
    Sampled,
    SampledNoRate,
    Unsampled,
    Deferred,
    /// A long release and transaction, and a replay id.
    Long,
}

const DSC: &str = "tenant=7,userId=alice,sentry-environment=prod%2Cnode,\
    sentry-public_key=49d0f7386ad645858ae85020e393bef3,\
    sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-org_id=42";

impl Request {
    fn headers(self) -> HeaderMap {
        // The trace id implies this `sample_rand`, so no `rv` is needed.
        let (flag, more) = match self {
            Self::Absent => return HeaderMap::new(),
            Self::TraceAlone => ("-1", None),
            Self::Sampled => ("-1", Some("sampled=true,sentry-sample_rate=1")),
            Self::SampledNoRate => ("-1", Some("sampled=true")),
            Self::Unsampled => ("-0", Some("sampled=false,sentry-sample_rate=0.25")),
            Self::Deferred => ("", Some("sample_rand=0.785811")),
            Self::Long => ("-1", Some("replay_id=0123456789abcdef0123456789abcdef")),
        };
        let (release, transaction) = match self {
            Self::Long => ("r".repeat(60), "t".repeat(80)),
            _ => ("shop%402.1.0".to_owned(), "GET%20%2Fcart".to_owned()),
        };
        let value = |text: String| HeaderValue::try_from(text).expect("a header value");
        let mut headers = HeaderMap::new();
        let sentry_trace = format!("771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a{flag}");
        headers.insert("sentry-trace", value(sentry_trace));
        if let Some(more) = more {
            let baggage = format!(
                "{DSC},sentry-sample_rand=0.785811,sentry-release={release},\
                 sentry-transaction={transaction},sentry-{more}"
            );
            headers.insert("baggage", value(baggage));
        }
        headers
    }
}

/// Runs once and writes the headers to the map.
pub(crate) type Operation<'a> = Box<dyn Fn(&mut HeaderMap) + 'a>;

pub(crate) struct Service {
    propagator: SentryPropagator,
    tracer: SdkTracer,
    denied: SdkTracer,
    anywhere: SdkTracer,
    stock: SdkTracer,
}

impl Service {
    pub(crate) fn new() -> Self {
        let settings = || {
            Sentry::builder()
                .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/42")
                .release("shop@1")
                .traces_sample_rate(1.0)
        };
        let sentry = settings().build().expect("good settings");
        let denied = settings().trace_propagation_targets(["https://auth.example.com"]).build();
        let denied = denied.expect("good settings");
        let anywhere = Sentry::builder().traces_sample_rate(1.0).build().expect("good settings");
        let provider = SdkTracerProvider::builder;
        let stock = Sampler::parent_based(Sampler::AlwaysOn);
        Self {
            propagator: sentry.propagator(),
            tracer: provider().with_sampler(sentry.sampler()).build().tracer("allocations"),
            denied: provider().with_sampler(denied.sampler()).build().tracer("allocations"),
            anywhere: provider().with_sampler(anywhere.sampler()).build().tracer("allocations"),
            stock: provider().with_sampler(stock).build().tracer("allocations"),
        }
    }

    /// Returns the operation after checking its result.
    pub(crate) fn prepare(&self, step: Step, request: Request) -> Operation<'_> {
        let headers = request.headers();
        let remote = self.extract(&headers);
        assert_eq!(remote.span().span_context().is_valid(), request != Request::Absent);
        let below = |tracer| remote.with_span(start(tracer, &remote));
        let (operation, names): (Operation<'_>, usize) = match step {
            Step::Extract => (Box::new(move |_| drop(self.extract(&headers))), 0),
            Step::Inject if request == Request::Absent => (self.injection(remote), 0),
            Step::Inject => (self.injection(below(&self.stock)), headers.len()),
            Step::InjectUserBaggage => {
                let user = [KeyValue::new("tenant", "7"), KeyValue::new("user", "alice smith")];
                (self.injection(below(&self.stock).with_baggage(user)), 2)
            }
            Step::InjectHead => (self.injection(below(&self.tracer)), 2),
            Step::InjectDenied => {
                (self.injection(remote.with_span(start_client(&self.denied, &remote))), 0)
            }
            Step::Full => {
                let operation = move |carrier: &mut HeaderMap| {
                    let remote = self.extract(&headers);
                    self.inject(&remote.with_span(start(&self.stock, &remote)), carrier);
                };
                (Box::new(operation), 2)
            }
            Step::FirstSpan => (span(start, &self.tracer, remote), 0),
            Step::ChildSpan => (span(start, &self.tracer, below(&self.stock)), 0),
            Step::ClientSpan => (span(start_client, &self.tracer, below(&self.stock)), 0),
            Step::ClientSpanAnywhere => {
                (span(start_client_of_parts, &self.anywhere, below(&self.stock)), 0)
            }
            Step::StockSpan => (span(start, &self.stock, below(&self.stock)), 0),
        };
        let mut carrier = HeaderMap::new();
        operation(&mut carrier);
        assert_eq!(carrier.len(), names, "{step:?}, {request:?}: {carrier:?}");
        operation
    }

    fn extract(&self, headers: &HeaderMap) -> Context {
        self.propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
    }

    fn inject(&self, cx: &Context, carrier: &mut HeaderMap) {
        self.propagator.inject_context(cx, &mut HeaderInjector(carrier));
    }

    fn injection(&self, cx: Context) -> Operation<'_> {
        Box::new(move |carrier| self.inject(&cx, carrier))
    }
}

fn span(start: fn(&SdkTracer, &Context) -> Span, tracer: &SdkTracer, cx: Context) -> Operation<'_> {
    Box::new(move |_| drop(start(tracer, &cx)))
}

fn start(tracer: &SdkTracer, cx: &Context) -> Span {
    tracer.start_with_context("GET /cart", cx)
}

fn start_client(tracer: &SdkTracer, cx: &Context) -> Span {
    tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.full", "http://api.example.com/cart"),
        ])
        .start_with_context(tracer, cx)
}

/// Its URL has to be put together.
fn start_client_of_parts(tracer: &SdkTracer, cx: &Context) -> Span {
    tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("server.address", "api.example.com"),
        ])
        .start_with_context(tracer, cx)
}
