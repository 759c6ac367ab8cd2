//! Runs the request through propagator and sampler and reports what they did.

use std::collections::HashMap;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{
    ConfigError, DynamicSamplingContext, PropagationTargets, Sentry, SentryTrace,
};

use crate::advice::advise;
use crate::arguments::Arguments;
use crate::grammar::{baggage_faults, sentry_trace_fault, Fault};
use crate::report::{Decision, Header, Member, Problem, Report, Sampling};
use crate::request::Request;

const OTHER_TRACE: &str = "not the trace of sentry-trace, so none of this is used";

/// The default URL of the service's own request.
const ANY_URL: &str = "https://api.example.com/";

pub(crate) fn explain(arguments: &Arguments) -> Result<Report, ConfigError> {
    let sentry = sentry(arguments)?;
    let headers = arguments.request.to_header_map();
    let run = Run::of(&sentry, &headers, arguments.url.as_deref().unwrap_or(ANY_URL));
    let arrived = sentry_trace(&headers);
    let mut report = Report {
        headers: header_reports(&arguments.request),
        dsc: members(&headers, arrived),
        decision: run.decision,
        sampling: sampling(&headers, arrived, &run.outgoing, arguments.rate, run.recorded),
        outgoing: run.outgoing,
        advice: Vec::new(),
    };
    report.advice = advise(&report, arguments);
    Ok(report)
}

fn sentry(arguments: &Arguments) -> Result<Sentry, ConfigError> {
    let mut builder = Sentry::builder().strict_trace_continuation(arguments.strict);
    if let Some(dsn) = &arguments.dsn {
        builder = builder.dsn(dsn);
    }
    if let Some(org_id) = &arguments.org_id {
        builder = builder.org_id(org_id);
    }
    if let Some(rate) = arguments.rate {
        builder = builder.traces_sample_rate(rate);
    }
    if !arguments.targets.is_empty() {
        builder = builder.trace_propagation_targets(arguments.targets.clone());
    }
    builder.build()
}

/// The result of one SERVER span and one CLIENT span below it.
struct Run {
    decision: Decision,
    recorded: bool,
    outgoing: Vec<(String, String)>,
}

impl Run {
    fn of(sentry: &Sentry, headers: &HeaderMap, url: &str) -> Self {
        let extractor = HeaderExtractor(headers);
        let w3c = TraceContextPropagator::new();
        let propagator = sentry.propagator();
        let decision = propagator.continue_decision(&w3c.extract(&extractor), &extractor);
        let cx = propagator.wrap(w3c).extract_with_context(&Context::new(), &extractor);

        let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
        let tracer = provider.tracer("doctor");
        let server = tracer.span_builder("request").with_kind(SpanKind::Server);
        let cx = cx.with_span(server.start_with_context(&tracer, &cx));
        let client = tracer.span_builder("request").with_kind(SpanKind::Client);
        let client = client.with_attributes([KeyValue::new("url.full", url.to_owned())]);
        let inner = cx.with_span(client.start_with_context(&tracer, &cx));

        let mut carrier = HashMap::new();
        sentry.propagator().inject_context(&inner, &mut carrier);
        let mut outgoing: Vec<_> = carrier.into_iter().collect();
        outgoing.sort_by(|a, b| b.cmp(a));
        let span = cx.span();
        Run {
            decision: Decision {
                rule: format!("{decision:?}"),
                sentence: decision.to_string(),
                continued: decision.is_continued(),
                trace_id: span.span_context().trace_id().to_string(),
            },
            recorded: span.is_recording(),
            outgoing,
        }
    }
}

fn header_reports(request: &Request) -> Vec<Header> {
    let report = |name: &'static str, faults: fn(&str) -> Vec<Fault>| {
        let values: Vec<String> = request.values(name).map(str::to_owned).collect();
        values.into_iter().map(move |value| Header {
            name,
            faults: faults(&value)
                .into_iter()
                .map(|Fault { at, problem }| Problem { at, problem })
                .collect(),
            value,
        })
    };
    report("sentry-trace", |value| sentry_trace_fault(value).into_iter().collect())
        .chain(report("baggage", baggage_faults))
        .chain(report("traceparent", |_| Vec::new()))
        .chain(report("tracestate", |_| Vec::new()))
        .collect()
}

/// All `baggage` headers as one list.
fn list(headers: &HeaderMap) -> String {
    let lines = headers.get_all("baggage").iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(",")
}

fn sentry_trace(headers: &HeaderMap) -> Option<SentryTrace> {
    let lines = headers.get_all("sentry-trace").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).find_map(|element| element.parse().ok())
}

fn members(headers: &HeaderMap, arrived: Option<SentryTrace>) -> Vec<Member> {
    let list = list(headers);
    let dsc = DynamicSamplingContext::parse(&list);
    dsc.iter()
        .map(|(key, _)| {
            let value = dsc.get(key).unwrap_or_default().into_owned();
            let is_other = |trace: SentryTrace| {
                let trace_id = trace.trace_id().to_string();
                key == "trace_id" && !value.is_empty() && !value.eq_ignore_ascii_case(&trace_id)
            };
            let note = arrived.is_some_and(is_other).then(|| OTHER_TRACE.to_owned());
            Member { key: key.to_owned(), value, note }
        })
        .collect()
}

fn sampling(
    headers: &HeaderMap,
    arrived: Option<SentryTrace>,
    outgoing: &[(String, String)],
    rate: Option<f64>,
    recorded: bool,
) -> Sampling {
    let arrived = arrived.map(|trace| trace.sampled());
    // What is known after the decision, the caller's or our own.
    let sent = outgoing.iter().find(|(name, _)| name == "baggage").map(|(_, list)| list.as_str());
    let received = list(headers);
    let fact = |key| {
        let sent = sent
            .and_then(|list| DynamicSamplingContext::parse(list).get(key).map(|v| v.into_owned()));
        sent.or_else(|| DynamicSamplingContext::parse(&received).get(key).map(|v| v.into_owned()))
    };
    let (sample_rate, sample_rand) = (fact("sample_rate"), fact("sample_rand"));
    let numbers = match (&sample_rand, &sample_rate) {
        (Some(rand), Some(rate)) => {
            let is_below =
                rand.parse::<f64>().ok().zip(rate.parse::<f64>().ok()).map(|(a, b)| a < b);
            match is_below {
                Some(true) => format!(": sample_rand {rand} < sample_rate {rate} is sampled"),
                Some(false) => format!(": sample_rand {rand} >= sample_rate {rate} is not sampled"),
                None => String::new(),
            }
        }
        _ => String::new(),
    };
    let who = match (arrived, rate) {
        (Some(Some(true)), None) => "the caller sampled it; without a rate nothing is recorded here, and its decision goes on",
        (Some(Some(true)), Some(_)) => "the caller decided, sampled",
        (Some(Some(false)), _) => "the caller decided, not sampled",
        (Some(None), None) => "undecided, and stays so: without a rate this service does not decide",
        (Some(None), Some(_)) => "the caller left it open, so this service decides",
        (None, None) => "no trace came, and without a rate none is recorded here",
        (None, Some(_)) => "a trace starts here, and this service decides",
    };
    Sampling {
        arrived: arrived.flatten(),
        sample_rate,
        sample_rand,
        sentence: format!("{who}{numbers}"),
        recorded,
    }
}

/// Whether a request to this URL gets trace headers.
pub(crate) fn is_target(arguments: &Arguments) -> bool {
    let url = arguments.url.as_deref().unwrap_or(ANY_URL);
    arguments.targets.is_empty() || PropagationTargets::new(arguments.targets.clone()).matches(url)
}
