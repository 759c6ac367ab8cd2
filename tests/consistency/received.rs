//! The `ot` member of a `tracestate` that W3C's propagator read, before ours or wrapped by it.

use std::collections::HashMap;

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SdkTracerProvider, ShouldSample};
use opentelemetry_sentry::Sentry;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::oracle::{field, parse_th, M};

/// Its randomness is 2^55, half of the range.
const MIDDLE_ID: &str = "0af7651916cd43dd8480000000000000";
const OTHER_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn sentry(sample_rate: Option<f64>) -> Sentry {
    let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42");
    let builder = match sample_rate {
        Some(rate) => builder.traces_sampler(move |_| rate),
        None => builder.traces_sample_rate(1.0),
    };
    builder.build().expect("settings")
}

/// The two ways to combine W3C's propagator with ours.
fn compositions(sentry: &Sentry) -> [(&'static str, Box<dyn TextMapPropagator>); 2] {
    let list = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(sentry.propagator()),
    ]);
    let wrapped = sentry.propagator().wrap(TraceContextPropagator::new());
    [("[W3C, Sentry]", Box::new(list)), ("wrap(W3C)", Box::new(wrapped))]
}

/// A request with `traceparent`, `tracestate` and Sentry's headers.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    trace_id: &'a str,
    /// The flag of `traceparent`.
    w3c: &'a str,
    /// The part of `sentry-trace` after the ids; `None` omits the header.
    sentry: Option<&'a str>,
    /// The DSC's members after its trace id; empty omits `baggage`.
    dsc: &'a str,
    /// Empty omits the member.
    ot: &'a str,
}

impl Request<'_> {
    fn headers(&self) -> HashMap<String, String> {
        let Request { trace_id, w3c, dsc, ot, .. } = self;
        let ot = if ot.is_empty() { String::new() } else { format!("ot={ot},") };
        let mut headers = HashMap::from([
            ("traceparent".to_owned(), format!("00-{trace_id}-b7ad6b7169203331-{w3c}")),
            ("tracestate".to_owned(), format!("vendor=1,{ot}other=2")),
        ]);
        if let Some(flag) = self.sentry {
            headers
                .insert("sentry-trace".to_owned(), format!("{MIDDLE_ID}-7dd6b3a1fb4d9c2a{flag}"));
        }
        if !dsc.is_empty() {
            headers.insert("baggage".to_owned(), format!("sentry-trace_id={MIDDLE_ID}{dsc}"));
        }
        headers
    }
}

/// The context of a span that starts under a remote parent.
fn start(
    sentry: &Sentry,
    parent: &Context,
    kind: SpanKind,
    attributes: &[KeyValue],
) -> SpanContext {
    let id = parent.span().span_context().trace_id();
    let result = sentry.sampler().should_sample(Some(parent), id, "pay", &kind, attributes, &[]);
    let sampled = result.decision == SamplingDecision::RecordAndSample;
    let flags = TraceFlags::default().with_sampled(sampled);
    SpanContext::new(id, SpanId::from(7), flags, false, result.trace_state)
}

fn ot(span_context: &SpanContext) -> Option<&str> {
    span_context.trace_state().get("ot")
}

/// Thresholds of every length, near to and far from the randomness.
#[test]
fn a_threshold_stays_exactly_if_it_holds() {
    let mut rng = StdRng::seed_from_u64(0);
    let sentry = sentry(None);
    let propagators = compositions(&sentry);
    let mut kept_count = 0;
    const ROUNDS: usize = 200;
    for digits in (1..=14).flat_map(|digits| [digits; ROUNDS]) {
        let th: String = (0..digits)
            .map(|_| char::from_digit(rng.random_range(0..16), 16).expect("a digit"))
            .collect();
        let threshold = parse_th(&th);
        let randomness = match rng.random_range(0..4) {
            0 => threshold,
            1 => threshold.saturating_sub(1),
            2 => (threshold + 1).min(M - 1),
            _ => rng.random_range(0..M),
        };
        let (id, rv) = match rng.random() {
            true => (format!("0af7651916cd43dd84{randomness:014x}"), String::new()),
            false => (MIDDLE_ID.to_owned(), format!(";rv:{randomness:014x}")),
        };
        let sampled: bool = rng.random();
        // Sentry's flag decides. Without one, W3C's flag decides.
        let sentry_flag = if sampled { "-1" } else { "-0" };
        let w3c_flag = if sampled { "01" } else { "00" };
        let with_sentry = id == MIDDLE_ID && rng.random();
        let ot_sent = format!("ab:cd;th:{th}{rv};x:1-2");
        let request = Request {
            trace_id: &id,
            w3c: if with_sentry { "01" } else { w3c_flag },
            sentry: with_sentry.then_some(sentry_flag),
            dsc: "",
            ot: &ot_sent,
        };

        let holds = sampled && randomness >= threshold;
        kept_count += usize::from(holds);
        for (composition, propagator) in &propagators {
            let cx = propagator.extract(&request.headers());
            let parent = cx.span().span_context().clone();
            let child = start(&sentry, &cx, SpanKind::Server, &[]);
            // W3C's propagator wrote the parent's trace state, not ours.
            for span in [Some(&parent).filter(|_| with_sentry), Some(&child)].into_iter().flatten()
            {
                let context = || format!("{composition}: {request:?} became {span:?}");
                assert_eq!(span.is_sampled(), sampled, "{}", context());
                if holds {
                    assert_eq!(ot(span), Some(&*ot_sent), "{}", context());
                } else {
                    assert_eq!(field(ot(span), "th"), None, "{}", context());
                }
                let left = rv.strip_prefix(";rv:");
                assert_eq!(field(ot(span), "rv"), left, "{}", context());
                assert_eq!(others(ot(span)), ["ab:cd", "x:1-2"], "{}", context());
                assert_eq!(foreign(span), ["vendor=1", "other=2"], "{}", context());
            }
        }
    }
    let of = 14 * ROUNDS;
    assert!(
        kept_count > of / 8 && kept_count < of * 7 / 8,
        "{kept_count} of {of} thresholds stayed"
    );
}

/// Other parties' fields.
fn others(ot: Option<&str>) -> Vec<&str> {
    let fields = ot.unwrap_or_default().split(';');
    fields.filter(|field| !field.starts_with("th:") && !field.starts_with("rv:")).collect()
}

/// The members of other parties, except `ot`.
fn foreign(span_context: &SpanContext) -> Vec<String> {
    let members = span_context.trace_state().into_iter();
    let foreign = members.filter(|(key, _)| *key != "ot" && *key != "sentry");
    foreign.map(|(key, value)| format!("{key}={value}")).collect()
}

/// The head's rate and a `sample_rand`. The trace id implies that of `HALF`, but not that of
/// `QUARTER`.
const QUARTER: &str = ",sentry-sample_rate=0.25,sentry-sample_rand=0.100000";
const HALF: &str = ",sentry-sample_rate=0.5,sentry-sample_rand=0.499999";
/// Without a `sample_rand` we draw one: in the sampled quarter or in the rest.
const BARE_QUARTER: &str = ",sentry-sample_rate=0.25";

/// These mean that the trace is not sampled.
const UNSAMPLED_QUARTER: &str = ",sentry-sample_rate=0.25,sentry-sample_rand=0.500000";
const CONTRARY_QUARTER: &str = ",sentry-sample_rate=0.25,sentry-sample_rand=0.7";
const CONTRARY_HALF: &str = ",sentry-sample_rate=0.5,sentry-sample_rand=0.7";

/// The known facts of a continued trace take precedence over `th` and `rv`. Columns: name; flags of
/// `traceparent` and `sentry-trace`; DSC; incoming `ot`; `ot` of the remote parent and of our span.
#[test]
fn th_and_rv_of_a_continued_trace() {
    let one = Some("-1");
    let rows = [
        ("nothing known", "01", one, "", "", ""),
        ("no DSC", "01", one, "", "ab:cd", "ab:cd"),
        ("an rv alone", "01", one, "", "rv:0123456789abcd", "rv:0123456789abcd"),
        ("th holds", "01", one, "", "th:8", "th:8"),
        ("th holds, with trailing zeros", "01", one, "", "th:800", "th:800"),
        ("th holds: no rv is added", "01", one, QUARTER, "th:8;ab:cd", "th:8;ab:cd"),
        ("th is false", "01", one, "", "th:c;ab:cd", "ab:cd"),
        ("th is false, a rate is known", "01", one, HALF, "th:c;ab:cd", "th:8;ab:cd"),
        (
            "th is false, sample_rand not implied",
            "01",
            one,
            QUARTER,
            "ab:cd;th:c",
            "th:c;rv:e6666666666665;ab:cd",
        ),
        ("sample_rand implied", "01", one, HALF, "ab:cd", "th:8;ab:cd"),
        ("sample_rand not implied", "01", one, QUARTER, "ab:cd", "th:c;rv:e6666666666665;ab:cd"),
        ("rv agrees", "01", one, QUARTER, "rv:c0000000000000", "th:c;rv:c0000000000000"),
        ("rv disagrees", "01", one, QUARTER, "rv:bfffffffffffff", "rv:bfffffffffffff"),
        ("sample_rand missing", "01", one, BARE_QUARTER, "", "th:c;rv:e00010c6f7a0b4"),
        ("sample_rand missing, -0", "01", Some("-0"), BARE_QUARTER, "", "rv:600010c6f7a0b4"),
        ("sample_rand contradicts", "01", one, CONTRARY_HALF, "", "th:8"),
        ("sample_rand contradicts, R < T", "01", one, CONTRARY_QUARTER, "", ""),
        ("a rate of 1.5 is invalid", "01", one, ",sentry-sample_rate=1.5", "ab:cd", "ab:cd"),
        ("th of 15 digits", "01", one, "", "th:000000000000000;ab:cd", "ab:cd"),
        ("th without a digit", "01", one, "", "th:;ab:cd", "ab:cd"),
        ("th in upper case", "01", one, "", "th:0A;ab:cd", "ab:cd"),
        ("-0 beside 01", "01", Some("-0"), "", "th:8;ab:cd", "ab:cd"),
        ("-0 at a known rate", "01", Some("-0"), UNSAMPLED_QUARTER, "th:8", "rv:7fffffffffffff"),
        ("deferred beside 01", "01", Some(""), "", "th:8", "th:8"),
        ("DSC by traceparent alone", "01", None, HALF, "ab:cd", "th:8;ab:cd"),
    ];
    for (name, w3c, sentry_flag, dsc, ot_sent, expected) in rows {
        let request = Request { trace_id: MIDDLE_ID, w3c, sentry: sentry_flag, dsc, ot: ot_sent };
        check(name, request, None, expected, expected);
    }
    let other = Request { trace_id: OTHER_ID, w3c: "01", sentry: one, dsc: "", ot: "th:8" };
    check("traceparent of another trace", other, None, "", "");
}

/// Our rate replaces the `th` of another rate. Columns: name; flags; DSC; incoming `ot`; our rate;
/// `ot` of the remote parent; `ot` of our span.
#[test]
fn th_of_a_local_rate() {
    let one = Some("-1");
    let added = "th:c;rv:e6666666666665";
    let rows = [
        ("samples", "01", one, "", "th:8", 0.75, "th:8", "th:4"),
        ("drops", "01", one, "", "th:8", 0.25, "th:8", ""),
        ("by sample_rand", "01", one, QUARTER, "", 0.125, added, "th:e;rv:e6666666666665"),
        ("drops by sample_rand", "01", one, QUARTER, "", 0.1, added, "rv:e6666666666665"),
        ("overrides -0", "01", Some("-0"), "", "th:8;x:1", 0.75, "x:1", "th:4;x:1"),
        ("decides", "00", Some(""), "", "th:8;x:1", 0.75, "x:1", "th:4;x:1"),
        ("by traceparent alone", "01", None, "", "th:8;x:1", 0.75, "th:8;x:1", "th:4;x:1"),
        ("overrides 00", "00", None, "", "x:1", 0.75, "x:1", "th:4;x:1"),
    ];
    for (name, w3c, sentry_flag, dsc, ot_sent, rate, of_parent, of_span) in rows {
        let request = Request { trace_id: MIDDLE_ID, w3c, sentry: sentry_flag, dsc, ot: ot_sent };
        check(name, request, Some(rate), of_parent, of_span);
    }
}

#[track_caller]
fn check(name: &str, request: Request<'_>, rate: Option<f64>, of_parent: &str, of_span: &str) {
    let sentry = sentry(rate);
    for (composition, propagator) in compositions(&sentry) {
        let cx = propagator.extract(&request.headers());
        let parent = ot(cx.span().span_context()).unwrap_or_default().to_owned();
        assert_eq!(parent, of_parent, "{composition}, {name}: extract");
        let span = start(&sentry, &cx, SpanKind::Server, &[]);
        assert_eq!(ot(&span).unwrap_or_default(), of_span, "{composition}, {name}: span");
    }
}

/// An unrecorded span below a sampled one.
#[test]
fn a_request_to_sentry_itself_has_no_threshold() {
    let sentry = sentry(None);
    let request =
        Request { trace_id: MIDDLE_ID, w3c: "01", sentry: Some("-1"), dsc: "", ot: "th:8;x:1" };
    let (_, propagator) = &compositions(&sentry)[1];
    let remote = propagator.extract(&request.headers());
    let server = start(&sentry, &remote, SpanKind::Server, &[]);
    let local = Context::new().with_remote_span_context(server);
    let url = [KeyValue::new("url.full", "https://o1.ingest.sentry.io/api/42/envelope/")];
    for parent in [remote, local] {
        let span = start(&sentry, &parent, SpanKind::Client, &url);
        assert!(!span.is_sampled());
        assert_eq!(ot(&span), Some("x:1"), "below {parent:?}");
    }
}

/// Another party's sampler keeps the trace state, so inject can read it.
#[test]
fn wrap_removes_a_th_that_a_foreign_sampler_contradicts() {
    let sentry = sentry(None);
    let (_, propagator) = &compositions(&sentry)[1];
    let rows = [
        (Sampler::AlwaysOn, "01", "th:8;x:1", "vendor=1,ot=th:8;x:1,other=2"),
        (Sampler::AlwaysOff, "01", "th:8;x:1", "vendor=1,ot=x:1,other=2"),
        (Sampler::AlwaysOff, "01", "th:8", "vendor=1,other=2"),
        // Extract removes `th` here. A changed member moves to the front.
        (Sampler::AlwaysOn, "00", "th:c;x:1", "ot=x:1,vendor=1,other=2"),
    ];
    for (sampler, w3c, ot, expected) in rows {
        let request = Request { trace_id: MIDDLE_ID, w3c, sentry: None, dsc: "", ot };
        let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
        let parent = propagator.extract(&request.headers());
        let span = provider.tracer("test").start_with_context("pay", &parent);
        let mut sent = HashMap::new();
        propagator.inject_context(&parent.with_span(span), &mut sent);
        assert_eq!(sent["tracestate"], expected, "{sampler:?}, {request:?}");
    }
}
