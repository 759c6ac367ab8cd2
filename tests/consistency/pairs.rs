//! Our decisions for many pairs of a trace id and a rate, and how other samplers read them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};
use opentelemetry_sentry::{DynamicSamplingContext, Sentry, SentryPropagator};
use rand::rngs::StdRng;
use rand::SeedableRng;

use crate::oracle::{
    field, first_digits, is_sampled, parse_th, randomness, randomness_of, sample_rand, th,
    threshold,
};
use crate::pair::{Pair, RATES};

/// The callback reads any other rate from this span attribute.
const RATE: &str = "rate";

/// Each part has its own seed, so the pairs are the same on every machine.
const PARTS: u64 = 64;

/// One of this many pairs also goes through our head's headers, which take most of the time.
const WIRE_EVERY: u64 = 8;

#[test]
fn pairs_of_a_trace_id_and_a_rate() {
    check(200_000);
}

#[test]
#[ignore = "10 million pairs; run in release: cargo test --release --test consistency -- --ignored"]
fn ten_million_pairs() {
    check(10_000_000);
}

/// How often each checked case occurred.
#[derive(Default)]
struct Tally {
    sampled: u64,
    not_sampled: u64,
    rv_added: u64,
    rv_implied: u64,
}

fn check(pairs: u64) {
    let services = Services::new();
    let next = AtomicU64::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= PARTS {
                return tally;
            }
            let mut rng = StdRng::seed_from_u64(part);
            for number in 0..pairs.div_ceil(PARTS) {
                let pair = Pair::draw(&mut rng);
                let head = services.head(&pair, &mut tally);
                services.below_a_foreign_head(&pair, &mut tally);
                if number % WIRE_EVERY == 0 {
                    services.below_our_head(&pair, head);
                    services.below_a_deferred_trace(&pair);
                }
            }
        }
    };
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no failed pair")).collect()
    });
    let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
    for (what, count) in [
        ("sampled", sum(|tally| tally.sampled)),
        ("not sampled", sum(|tally| tally.not_sampled)),
        ("rv added", sum(|tally| tally.rv_added)),
        ("rv implied", sum(|tally| tally.rv_implied)),
    ] {
        assert!(count > pairs / 10, "only {count} of {pairs} pairs: {what}");
    }
}

/// One service for each fixed rate, one for all other rates, and one without a rate.
struct Services {
    fixed: Vec<Sentry>,
    any: Sentry,
    without: SentryPropagator,
}

impl Services {
    fn new() -> Self {
        let builder = || Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42");
        let fixed = |rate| builder().traces_sample_rate(rate).build().expect("settings");
        let any = builder().traces_sampler(|context| {
            match context.attributes().iter().find(|attribute| attribute.key.as_str() == RATE) {
                Some(KeyValue { value: Value::F64(rate), .. }) => *rate,
                _ => f64::NAN,
            }
        });
        Services {
            fixed: RATES.into_iter().map(fixed).collect(),
            any: any.build().expect("settings"),
            without: SentryPropagator::new(),
        }
    }

    fn of(&self, rate: f64) -> &Sentry {
        let place = RATES.iter().position(|fixed| *fixed == rate);
        place.map_or(&self.any, |place| &self.fixed[place])
    }

    /// A trace that starts here.
    fn head(&self, pair: &Pair, tally: &mut Tally) -> SpanContext {
        let rate = pair.local_rate();
        let (sampled, head) = start(self.of(pair.rate), None, pair);
        assert_eq!(sampled, is_sampled(pair.randomness, rate), "{pair:?}");
        *(if sampled { &mut tally.sampled } else { &mut tally.not_sampled }) += 1;
        assert_th(&head, sampled, rate, pair);
        assert_eq!(field(ot(&head), "rv"), None, "{pair:?}");
        head
    }

    /// The headers of a trace that starts here, and what the next service reads from them.
    fn below_our_head(&self, pair: &Pair, head: SpanContext) {
        let (rate, sampled) = (pair.local_rate(), head.is_sampled());
        let mut headers = HashMap::new();
        let cx = Context::new().with_remote_span_context(head);
        self.of(pair.rate).propagator().inject_context(&cx, &mut headers);
        let dsc = DynamicSamplingContext::parse(&headers["baggage"]);
        let rand = dsc.get("sample_rand").expect("a sample_rand");
        let expected = format!("0.{:06}", sample_rand(pair.randomness, rate));
        assert_eq!(rand, expected, "{pair:?}");
        let sent = |key| dsc.get(key).and_then(|text| text.parse::<f64>().ok());
        assert_eq!(sent("sample_rand") < sent("sample_rate"), sampled, "{pair:?}");

        let next = remote(&self.without, &headers);
        assert_eq!(next.is_sampled(), sampled, "{pair:?}");
        assert_th(&next, sampled, rate, pair);
        assert_eq!(field(ot(&next), "rv"), None, "{pair:?}");
    }

    /// A Sentry SDK's trace whose `sample_rand` is independent of the trace id, and a downstream
    /// consistent sampler that doesn't know Sentry.
    fn below_a_foreign_head(&self, pair: &Pair, tally: &mut Tally) {
        let sampled = pair.rand < pair.rate;
        let flag = if sampled { "-1" } else { "-0" };
        let rate = format!(",sentry-sample_rate={}", pair.rate_text);
        let parent = remote(&self.without, &headers(pair, flag, &rate));
        assert_eq!(parent.is_sampled(), sampled, "{pair:?}");

        let seen = randomness(&pair.trace_id_text(), ot(&parent));
        assert_eq!(is_sampled(seen, pair.rate), sampled, "downstream of {parent:?}, {pair:?}");
        assert_th(&parent, sampled, pair.rate, pair);

        let micros = first_digits(pair.rand);
        let implied = is_sampled(pair.randomness, pair.rate) == sampled
            && sample_rand(pair.randomness, pair.rate) == micros;
        let added = randomness_of(micros, Some((sampled, pair.rate)));
        let added = (!implied).then(|| format!("{added:014x}"));
        assert_eq!(field(ot(&parent), "rv"), added.as_deref(), "{pair:?}");
        *(if implied { &mut tally.rv_implied } else { &mut tally.rv_added }) += 1;
    }

    /// An undecided trace: our rate decides with the incoming `sample_rand`.
    fn below_a_deferred_trace(&self, pair: &Pair) {
        let (sentry, rate) = (self.of(pair.rate), pair.local_rate());
        let cx = sentry.propagator().extract(&headers(pair, "", ""));
        let (sampled, span) = start(sentry, Some(&cx), pair);
        assert_eq!(sampled, pair.rand < rate, "{pair:?}");
        let seen = randomness(&pair.trace_id_text(), ot(&span));
        assert_th(&span, sampled && is_sampled(seen, rate), rate, pair);
    }
}

/// Starts a span. Returns whether it is sampled, and its context.
fn start(sentry: &Sentry, parent: Option<&Context>, pair: &Pair) -> (bool, SpanContext) {
    let (id, attributes) = (pair.trace_id, [KeyValue::new(RATE, pair.rate)]);
    let kind = SpanKind::Server;
    let result = sentry.sampler().should_sample(parent, id, "pay", &kind, &attributes, &[]);
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let flags = TraceFlags::default().with_sampled(sampled);
    let span_id = SpanId::from(7);
    (sampled, SpanContext::new(id, span_id, flags, false, result.trace_state))
}

fn headers(pair: &Pair, flag: &str, more: &str) -> HashMap<String, String> {
    let Pair { trace_id, rand_text, .. } = pair;
    HashMap::from([
        ("sentry-trace".to_owned(), format!("{trace_id}-7dd6b3a1fb4d9c2a{flag}")),
        (
            "baggage".to_owned(),
            format!("sentry-trace_id={trace_id},sentry-sample_rand={rand_text}{more}"),
        ),
    ])
}

fn remote(propagator: &SentryPropagator, headers: &HashMap<String, String>) -> SpanContext {
    propagator.extract(headers).span().span_context().clone()
}

fn ot(span_context: &SpanContext) -> Option<&str> {
    span_context.trace_state().get("ot")
}

/// Asserts that `th` is present exactly if expected, equals the rate, and leads to the same
/// decision.
#[track_caller]
fn assert_th(span_context: &SpanContext, expected: bool, rate: f64, pair: &Pair) {
    let digits = field(ot(span_context), "th");
    assert_eq!(digits, th(threshold(rate)).filter(|_| expected).as_deref(), "{pair:?}");
    if let Some(digits) = digits {
        let seen = randomness(&pair.trace_id_text(), ot(span_context));
        assert!(seen >= parse_th(digits), "{pair:?}");
    }
}
