//! Hostile requests, however many, write a constant number of log lines without any of their bytes.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sentry::Sentry;
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::Registry;

use common::{DSN, SPAN_ID, TRACE_ID};

/// A part of every header value that no log line may contain.
const MARK: &str = "EVIL";

const REQUESTS: usize = 10_000;

/// Every line of every crate.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

fn requests() -> Vec<HashMap<String, String>> {
    let request = |trace: &str, baggage: &str| {
        let baggage = format!("{baggage},x={MARK}");
        HashMap::from([
            ("sentry-trace".to_owned(), trace.to_owned()),
            ("baggage".to_owned(), baggage.clone()),
            ("traceparent".to_owned(), format!("00-{trace}")),
            ("tracestate".to_owned(), format!("sentry=c..{MARK},ot=th:{MARK};rv:{MARK}")),
        ])
    };
    let valid = format!("{TRACE_ID}-{SPAN_ID}");
    vec![
        request(MARK, ""),
        request(&format!("{valid}-{MARK}"), "sentry-a=b"),
        request(&valid, &format!("sentry-sample_rate={MARK},sentry-sample_rand={MARK}")),
        request(&valid, &format!("sentry-org_id={MARK}")),
        request(&valid, &format!("sentry-trace_id={MARK},,=,;;sentry-=,{}", "\n\u{0}\u{e9}")),
        request(&format!("{valid}-1"), &format!("sentry-release={}", MARK.repeat(3000))),
        request(&format!("{valid}-0"), &"sentry-k=v,".repeat(2000)),
        request(&valid.repeat(500), &",".repeat(9000)),
    ]
}

/// The lines that `count` requests write, for all kinds of requests and samplers.
fn lines(count: usize) -> Vec<String> {
    let lines = Lines::default();
    with_default(Registry::default().with(lines.clone()), || {
        // The third warning is about an invalid rate of `traces_sampler`.
        let builder = Sentry::builder().dsn(DSN).traces_sampler(|_| f64::NAN);
        let sentry = builder.build().unwrap();
        let propagator = sentry.propagator();
        let ours = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
        let stock = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
        let stock = SdkTracerProvider::builder().with_sampler(stock).build();
        let tracers = [ours.tracer("ours"), stock.tracer("stock")];
        let requests = requests();
        for number in 0..count {
            let request = &requests[number % requests.len()];
            let tracer = &tracers[number / requests.len() % tracers.len()];
            let cx = propagator.extract_with_context(&Context::new(), request);
            let cx = cx.with_span(tracer.start_with_context("request", &cx));
            let own = (0..70).map(|i| KeyValue::new(format!("{MARK}{i}"), MARK));
            let cx = cx.with_baggage(own);
            propagator.inject_context(&cx, &mut HashMap::new());
        }
    });
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[test]
fn ten_thousand_hostile_requests_write_three_lines() {
    let few = lines(requests().len() * 4);
    let many = lines(REQUESTS);
    assert_eq!(many.len(), 3, "{many:#?}");
    assert_eq!(few, many);
    for line in &many {
        assert!(line.starts_with("opentelemetry_sentry"), "{line}");
        assert!(!line.contains(MARK), "{line}");
    }
}
