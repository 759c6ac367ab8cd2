//! Other parties' propagators and carriers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;
use opentelemetry_sentry::{Sentry, SentryPropagator};

pub(crate) type Headers = HashMap<String, String>;

pub(crate) use crate::ids::{OTHER_SPAN_ID as SPAN, OTHER_TRACE_ID as TRACE};

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Headers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Settings with a DSN and a target list.
pub(crate) fn sentry() -> Sentry {
    Sentry::builder()
        .dsn("https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17")
        .release("shop@1.2.3")
        .traces_sample_rate(1.0)
        .trace_propagation_targets([ALLOWED])
        .build()
        .expect("settings")
}

pub(crate) const ALLOWED: &str = "https://api.myecommerce.com";
pub(crate) const DENIED: &str = "https://tracker.example/";

/// A propagator without settings: it continues and forwards.
pub(crate) fn bare() -> SentryPropagator {
    SentryPropagator::new()
}

pub(crate) fn sampled() -> SpanContext {
    span_context(true, "")
}

/// The remote span of the usual ids.
pub(crate) fn span_context(sampled: bool, tracestate: &str) -> SpanContext {
    SpanContext::new(
        TraceId::from_hex(TRACE).expect("hex"),
        SpanId::from_hex(SPAN).expect("hex"),
        TraceFlags::default().with_sampled(sampled),
        true,
        tracestate.parse::<TraceState>().expect("a trace state"),
    )
}

/// A small B3 propagator: other headers, the same ids.
#[derive(Debug)]
pub(crate) struct B3([String; 3]);

impl B3 {
    pub(crate) fn new() -> Self {
        B3(["X-B3-TraceId", "X-B3-SpanId", "X-B3-Sampled"].map(str::to_owned))
    }
}

impl TextMapPropagator for B3 {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span = span.span_context();
        if span.is_valid() {
            injector.set(&self.0[0], span.trace_id().to_string());
            injector.set(&self.0[1], span.span_id().to_string());
            injector.set(&self.0[2], u8::from(span.is_sampled()).to_string());
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let ids = || {
            let trace_id = TraceId::from_hex(extractor.get(&self.0[0])?).ok()?;
            let span_id = SpanId::from_hex(extractor.get(&self.0[1])?).ok()?;
            let sampled = extractor.get(&self.0[2]) == Some("1");
            let flags = TraceFlags::default().with_sampled(sampled);
            Some(SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE))
        };
        ids().map_or_else(|| cx.clone(), |parent| cx.with_remote_span_context(parent))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

/// Writes the same headers each time and reads none.
#[derive(Debug)]
pub(crate) struct Writes {
    headers: Vec<(String, String)>,
    fields: Vec<String>,
}

impl Writes {
    pub(crate) fn new<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let headers: Vec<(String, String)> = headers.into_iter().map(owned).collect();
        let fields = headers.iter().map(|(name, _)| name.clone()).collect();
        Writes { headers, fields }
    }

    /// A propagator that itself reads and writes Sentry's headers.
    pub(crate) fn rival() -> Self {
        Self::new([
            ("Sentry-Trace", "ffffffffffffffffffffffffffffffff-ffffffffffffffff-1"),
            ("Baggage", "sentry-release=rival,rival=1,sentry-trace_id=rival"),
            ("X-Rival", "yes"),
        ])
    }
}

impl TextMapPropagator for Writes {
    fn inject_context(&self, _cx: &Context, injector: &mut dyn Injector) {
        for (name, value) in &self.headers {
            injector.set(name, value.clone());
        }
    }

    fn extract_with_context(&self, cx: &Context, _extractor: &dyn Extractor) -> Context {
        cx.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// Writes the context's baggage unencoded, into a header of its own. Reads nothing.
#[derive(Debug)]
pub(crate) struct Raw;

impl TextMapPropagator for Raw {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        for (key, (value, metadata)) in cx.baggage() {
            injector.set("x-raw", format!("{key}={value};{}", metadata.as_str()));
        }
    }

    fn extract_with_context(&self, cx: &Context, _: &dyn Extractor) -> Context {
        cx.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&[])
    }
}

/// Records the values of some headers that it reads. Writes none.
#[derive(Clone, Debug)]
pub(crate) struct RecordsReads {
    fields: Vec<String>,
    names: Vec<&'static str>,
    seen: Arc<Mutex<Vec<Sight>>>,
}

/// One read of the names: `get`, `get_all`, and whether `keys` has the name.
pub(crate) type Sight = Vec<(Option<String>, Option<Vec<String>>, bool)>;

impl RecordsReads {
    pub(crate) fn new(fields: &[&'static str], names: &[&'static str]) -> Self {
        RecordsReads {
            fields: fields.iter().map(|name| name.to_string()).collect(),
            names: names.to_vec(),
            seen: Arc::default(),
        }
    }

    /// The last read.
    pub(crate) fn last(&self) -> Sight {
        self.seen.lock().expect("no panic").last().cloned().expect("a look")
    }
}

impl TextMapPropagator for RecordsReads {
    fn inject_context(&self, _cx: &Context, _injector: &mut dyn Injector) {}

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let look = |name: &&'static str| {
            let all = extractor.get_all(name);
            (
                extractor.get(name).map(str::to_owned),
                all.map(|all| all.into_iter().map(str::to_owned).collect()),
                extractor.keys().iter().any(|key| key.eq_ignore_ascii_case(name)),
            )
        };
        let sight = self.names.iter().map(look).collect();
        self.seen.lock().expect("no panic").push(sight);
        cx.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// A carrier that only implements `get`.
pub(crate) struct GetOnly(pub(crate) Headers);

impl Extractor for GetOnly {
    fn get(&self, key: &str) -> Option<&str> {
        Extractor::get(&self.0, key)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Records each `set`.
#[derive(Default)]
pub(crate) struct Recorder(pub(crate) Vec<(String, String)>);

impl Recorder {
    /// The headers. None may have been set twice.
    #[track_caller]
    pub(crate) fn headers(self) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in self.0 {
            let twice = headers.insert(name.to_ascii_lowercase(), value).is_some();
            assert!(!twice, "{name} is set twice");
        }
        headers
    }
}

impl Injector for Recorder {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

/// The headers that a propagator writes, each once.
#[track_caller]
pub(crate) fn inject(propagator: &dyn TextMapPropagator, cx: &Context) -> Headers {
    let mut recorder = Recorder::default();
    propagator.inject_context(cx, &mut recorder);
    recorder.headers()
}
