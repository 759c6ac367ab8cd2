//! What arrived, as one tree, and whether everything is in its place.

use std::error::Error;
use std::io::{self, Write};

use serde_json::Value;

use crate::endpoint::Received;
use crate::protobuf::{Kind, Log, Span};
use crate::shop::{PAGE_RATE, PAGE_SPAN_ID, TRACE_ID};
use crate::{ENVIRONMENT, RELEASE};

/// An error of the `sentry` crate, from its envelope.
struct Event {
    trace_id: String,
    span_id: String,
    text: String,
    release: String,
    environment: String,
}

pub(crate) fn print_and_check(received: &[Received]) -> Result<(), Box<dyn Error>> {
    let spans: Vec<&Span> = received.iter().flat_map(|request| &request.spans).collect();
    let logs: Vec<&Log> = received.iter().flat_map(|request| &request.logs).collect();
    let envelopes = received.iter().filter(|request| !request.envelope.is_empty());
    let events: Vec<Event> = envelopes.filter_map(|request| event(&request.envelope)).collect();

    let mut out = io::stdout().lock();
    writeln!(out, "Shows: spans, log lines and an error of one trace, as they reach Sentry\n")?;
    writeln!(out, "trace {TRACE_ID}")?;
    writeln!(out, "page  (its Sentry SDK samples {PAGE_RATE} of its traces)  span {PAGE_SPAN_ID}")?;
    print_below(&mut out, PAGE_SPAN_ID, "", &spans, &logs, &events)?;

    check(&spans, &logs, &events)?;
    let (spans, logs, events) = (spans.len(), logs.len(), events.len());
    let all = format!("{spans} spans, {logs} log lines and {events} error");
    writeln!(out, "\nHeld: {all} are in the page's trace, each in its place")?;
    Ok(())
}

/// The children of a span, each with its logs and errors.
fn print_below(
    out: &mut impl Write,
    parent: &str,
    indent: &str,
    spans: &[&Span],
    logs: &[&Log],
    events: &[Event],
) -> io::Result<()> {
    let children = spans.iter().filter(|span| span.parent_span_id == parent);
    let count = children.clone().count();
    for (index, span) in children.enumerate() {
        let (branch, stem) =
            if index + 1 < count { ("├─", "│  ") } else { ("└─", "   ") };
        let attribute = |name| span.attributes.get(name).map_or("none", String::as_str);
        writeln!(out, "{indent}{branch} {}  {}  {}", span.name, op(span), status(span))?;
        let indent = format!("{indent}{stem}");
        writeln!(
            out,
            "{indent}release {}, environment {}, weight {}",
            attribute("sentry.release"),
            attribute("sentry.environment"),
            weight(span)
        )?;
        for log in logs.iter().filter(|log| log.span_id == span.span_id) {
            writeln!(out, "{indent}log    {}", log.body)?;
        }
        for event in events.iter().filter(|event| event.span_id == span.span_id) {
            writeln!(out, "{indent}error  {}", event.text)?;
        }
        print_below(out, &span.span_id, &indent, spans, logs, events)?;
    }
    Ok(())
}

/// As Sentry derives it of HTTP spans.
fn op(span: &Span) -> &'static str {
    match (span.attributes.contains_key("http.request.method"), span.kind) {
        (true, Kind::Server) => "http.server",
        (true, Kind::Client) => "http.client",
        _ => "default",
    }
}

fn status(span: &Span) -> &'static str {
    if span.failed {
        "error"
    } else {
        "ok"
    }
}

/// How many traces the span stands for.
fn weight(span: &Span) -> f64 {
    let rate = span.attributes.get("sentry.client_sample_rate");
    rate.and_then(|rate| rate.parse::<f64>().ok()).map_or(1.0, f64::recip)
}

/// The error of an envelope: a header, then a header and a payload for each item.
fn event(envelope: &str) -> Option<Event> {
    let lines = envelope.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let event = lines.into_iter().find(|line| line["contexts"]["trace"].is_object())?;
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let trace = &event["contexts"]["trace"];
    Some(Event {
        trace_id: text(&trace["trace_id"]),
        span_id: text(&trace["span_id"]),
        text: text(&event["exception"]["values"][0]["value"]),
        release: text(&event["release"]),
        environment: text(&event["environment"]),
    })
}

fn check(spans: &[&Span], logs: &[&Log], events: &[Event]) -> Result<(), Box<dyn Error>> {
    let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [cart] = named("GET /cart")[..] else { return Err("GET /cart is not there once".into()) };
    let [checkout] = named("GET /checkout")[..] else {
        return Err("GET /checkout is not there once".into());
    };

    for span in spans {
        let (name, attributes) = (&span.name, &span.attributes);
        let is = |key: &str, value: &str| attributes.get(key).is_some_and(|text| text == value);
        ensure(span.trace_id == TRACE_ID, format!("{name}: another trace"))?;
        ensure(is("sentry.release", RELEASE), format!("{name}: no release"))?;
        ensure(is("sentry.environment", ENVIRONMENT), format!("{name}: no environment"))?;
        ensure(is("sentry.client_sample_rate", PAGE_RATE), format!("{name}: not the page's rate"))?;
        ensure(op(span) != "default", format!("{name}: no op"))?;
    }
    for server in [cart, checkout] {
        ensure(server.parent_span_id == PAGE_SPAN_ID, format!("{}: not the page's", server.name))?;
        let children = spans.iter().filter(|span| span.parent_span_id == server.span_id);
        ensure(children.count() == 1, format!("{}: no call below it", server.name))?;
    }
    ensure(!cart.failed && checkout.failed, "the wrong request has failed".to_owned())?;

    let in_their_spans = |log: &&Log| spans.iter().any(|span| span.span_id == log.span_id);
    ensure(logs.len() == 5, format!("{} log records, not 5", logs.len()))?;
    ensure(
        logs.iter().copied().all(|log| in_their_spans(&log)),
        "a log without a span".to_owned(),
    )?;
    for log in logs {
        let has_release = log.attributes.get("sentry.release").is_some_and(|text| text == RELEASE);
        ensure(log.trace_id == TRACE_ID && has_release, format!("{}: another trace", log.body))?;
    }

    let [event] = events else { return Err(format!("{} errors, not 1", events.len()).into()) };
    ensure(event.trace_id == TRACE_ID, "the error is in another trace".to_owned())?;
    ensure(event.span_id == checkout.span_id, "the error is in another span".to_owned())?;
    ensure(event.text == "out of stock", "the error says something else".to_owned())?;
    let is_ours = event.release == RELEASE && event.environment == ENVIRONMENT;
    ensure(is_ours, "the error is of another release".to_owned())?;
    Ok(())
}
