//! Runs the request through propagator and sampler and reports what they did.

use std::collections::HashMap;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{
    ConfigError, ContinueDecision, DynamicSamplingContext, PropagationTargets, Sentry, SentryTrace,
};

use crate::advice::advise;
use crate::arguments::{Arguments, Propagator};
use crate::cors;
use crate::grammar::{baggage_faults, sentry_trace_fault, Fault};
use crate::report::{Decision, Header, Member, Problem, Report};
use crate::request::{Request, TRACE_HEADERS};
use crate::sampling::{list, Source};

const OTHER_TRACE: &str = "not the trace of sentry-trace, so the DSC is not used";

/// The default URL of the service's own request.
const ANY_URL: &str = "https://api.example.com/";

pub(crate) fn explain(arguments: &Arguments) -> Result<Report, ConfigError> {
    let request = &arguments.request;
    let sentry = sentry(arguments)?;
    let headers = request.to_header_map();
    let preflight = cors::preflight(request);
    let url = arguments.url.as_deref().unwrap_or(ANY_URL);
    let run = Run::of(&sentry, arguments.propagator, &headers, url);
    let arrived = sentry_trace(&headers);
    let is_undecided = DynamicSamplingContext::parse(&list(&headers)).get("sampled").is_none();
    let source = Source::of(run.decision, arrived, &run.w3c, is_undecided);
    let sampling = source.report(&headers, &run.outgoing, arguments.rate, run.recorded);
    // A preflight starts no trace: the layer for CORS answers it.
    let starts = preflight.is_none();
    let mut report = Report {
        earlier_requests: request.earlier,
        headers: header_reports(request),
        dsc: members(&headers, arrived),
        dsc_is_used: match source {
            Source::SentryTrace { .. } => true,
            Source::Traceparent { .. } => run.decision.is_continued(),
            Source::Refused | Source::Nothing => false,
        },
        decision: starts.then(|| Decision {
            rule: format!("{:?}", run.decision),
            sentence: sentence(run.decision, &source),
            propagator: arguments.propagator.described(),
            continued: source.decided().is_some(),
            trace_id: run.trace_id,
        }),
        sampling: starts.then_some(sampling),
        outgoing: if starts { run.outgoing } else { Vec::new() },
        preflight,
        advice: Vec::new(),
    };
    report.advice = advise(&report, &source, arguments);
    Ok(report)
}

fn sentence(decision: ContinueDecision, source: &Source) -> String {
    match source {
        Source::Traceparent { .. } if decision == ContinueDecision::NotASentryTrace => {
            "continued by traceparent; no Sentry trace arrived, so strict_trace_continuation does not \
             apply"
                .to_owned()
        }
        Source::Traceparent { .. } => {
            format!("{decision}; by traceparent, whose trace the DSC names")
        }
        _ => decision.to_string(),
    }
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
    decision: ContinueDecision,
    /// What W3C's propagator found, if it is wrapped.
    w3c: SpanContext,
    trace_id: String,
    recorded: bool,
    outgoing: Vec<(String, String)>,
}

impl Run {
    fn of(sentry: &Sentry, propagator: Propagator, headers: &HeaderMap, url: &str) -> Self {
        let extractor = HeaderExtractor(headers);
        let ours = sentry.propagator();
        match propagator {
            Propagator::Sentry => {
                let decision = ours.continue_decision(&Context::new(), &extractor);
                Self::through(sentry, &ours, decision, SpanContext::NONE, headers, url)
            }
            Propagator::Wrap => {
                let w3c = TraceContextPropagator::new();
                let found = w3c.extract_with_context(&Context::new(), &extractor);
                let found = found.span().span_context().clone();
                let wrapped = ours.wrap(w3c);
                let decision = wrapped.continue_decision(&Context::new(), &extractor);
                Self::through(sentry, &wrapped, decision, found, headers, url)
            }
        }
    }

    fn through(
        sentry: &Sentry,
        propagator: &dyn TextMapPropagator,
        decision: ContinueDecision,
        w3c: SpanContext,
        headers: &HeaderMap,
        url: &str,
    ) -> Self {
        let cx = propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
        let tracer = provider.tracer("doctor");
        let server = tracer.span_builder("request").with_kind(SpanKind::Server);
        let cx = cx.with_span(server.start_with_context(&tracer, &cx));
        let client = tracer.span_builder("request").with_kind(SpanKind::Client);
        let client = client.with_attributes([KeyValue::new("url.full", url.to_owned())]);
        let inner = cx.with_span(client.start_with_context(&tracer, &cx));

        let mut carrier = HashMap::new();
        propagator.inject_context(&inner, &mut carrier);
        let mut outgoing: Vec<_> =
            carrier.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let place = |name: &str| TRACE_HEADERS.iter().position(|header| *header == name);
        outgoing.sort_by_key(|(name, _)| place(name));
        let span = cx.span();
        Run {
            decision,
            w3c,
            trace_id: span.span_context().trace_id().to_string(),
            recorded: span.is_recording(),
            outgoing,
        }
    }
}

fn header_reports(request: &Request) -> Vec<Header> {
    let mut is_found = false;
    let mut headers = Vec::new();
    let lines = request.values("sentry-trace").count();
    for value in request.values("sentry-trace") {
        let faults = sentry_trace_fault(value).into_iter().collect::<Vec<_>>();
        let counts = lines > 1 && faults.is_empty() && !is_found;
        is_found |= faults.is_empty();
        headers.push(header("sentry-trace", value, faults, counts));
    }
    for value in request.values("baggage") {
        headers.push(header("baggage", value, baggage_faults(value), false));
    }
    for name in ["traceparent", "tracestate"] {
        headers.extend(request.values(name).map(|value| header(name, value, Vec::new(), false)));
    }
    headers
}

fn header(name: &'static str, value: &str, faults: Vec<Fault>, counts: bool) -> Header {
    let faults = faults.into_iter().map(|Fault { at, problem }| Problem { at, problem });
    Header { name, value: value.to_owned(), faults: faults.collect(), counts }
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

/// Whether a request to this URL gets trace headers.
pub(crate) fn is_target(arguments: &Arguments) -> bool {
    let url = arguments.url.as_deref().unwrap_or(ANY_URL);
    arguments.targets.is_empty() || PropagationTargets::new(arguments.targets.clone()).matches(url)
}
