//! Any number of hostile requests writes a constant number of log lines, without any of their
//! bytes.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_sentry::{OutgoingUrlExt, Sentry, Target};
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::Registry;

use common::{DSN, SPAN_ID, TRACE_ID};

/// A part of every header value. No log line may contain it.
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

/// The lines that `count` requests write, over all kinds of requests and samplers.
fn lines(count: usize) -> Vec<String> {
    let lines = Lines::default();
    with_default(Registry::default().with(lines.clone()), || {
        // The user's own functions cause warnings too.
        let calls = AtomicUsize::new(0);
        let builder = Sentry::builder().dsn(DSN).traces_sampler(move |_| {
            match calls.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => f64::NAN,
                _ => resume_unwind(Box::new(MARK)),
            }
        });
        let panics = Target::matching(|url| match url {
            "https://api.example/" => resume_unwind(Box::new(MARK)),
            _ => true,
        });
        let sentry = builder.trace_propagation_targets([panics]).build().unwrap();
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
            let denied = cx.with_outgoing_url("https://api.example/");
            propagator.inject_context(&denied, &mut HashMap::new());
        }
    });
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[test]
fn ten_thousand_hostile_requests_write_five_lines() {
    let few = lines(requests().len() * 4);
    let many = lines(REQUESTS);
    assert_eq!(many.len(), 5, "{many:#?}");
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(few), sorted(many.clone()));
    for line in &many {
        assert!(line.starts_with("opentelemetry_sentry"), "{line}");
        assert!(!line.contains(MARK), "{line}");
    }
}
