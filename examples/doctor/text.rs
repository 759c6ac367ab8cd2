//! The report as text.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::report::{Advice, Header, Preflight, Report};

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const ADVICE: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// Longer values are cut to fit a terminal.
const MAX_WIDTH: usize = 160;

/// The text with colors. `anstream` removes them if the output is not a terminal.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String never fails.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "What opentelemetry-sentry does with this request\n")?;
    writeln!(out, "{HEADING}What arrived{HEADING:#}")?;
    if report.earlier_requests > 0 {
        let requests = report.earlier_requests + 1;
        writeln!(out, "  {DIM}the last of {requests} requests{DIM:#}")?;
    }
    for header in &report.headers {
        write_header(out, header)?;
    }
    if let Some(preflight) = &report.preflight {
        write_preflight(out, preflight)?;
    } else if report.headers.is_empty() {
        writeln!(out, "  no trace header")?;
    }
    write_dsc(out, report)?;
    if let Some(decision) = &report.decision {
        let style = if decision.continued { GOOD } else { BAD };
        writeln!(out, "\n{HEADING}The trace{HEADING:#}")?;
        writeln!(out, "  {style}{}{style:#}  {DIM}{}{DIM:#}", decision.sentence, decision.rule)?;
        writeln!(out, "  {DIM}the propagator is {}{DIM:#}", decision.propagator)?;
        writeln!(out, "  the service's spans are in trace {}", decision.trace_id)?;
    }
    if let Some(sampling) = &report.sampling {
        writeln!(out, "\n{HEADING}Sampling{HEADING:#}")?;
        writeln!(out, "  {}", shown(&sampling.sentence))?;
        let (style, recorded) = if sampling.recorded { (GOOD, "is") } else { (BAD, "is not") };
        writeln!(out, "  {style}the service's span {recorded} recorded{style:#}")?;
        writeln!(out, "\n{HEADING}What goes out{HEADING:#}")?;
        // Whole, to be copied. The propagator writes no control characters.
        for (name, value) in &report.outgoing {
            writeln!(out, "  {name}: {value}")?;
        }
        if report.outgoing.is_empty() {
            writeln!(out, "  {BAD}nothing{BAD:#}")?;
        }
    }
    write_advice(out, report)?;
    writeln!(out, "\n{HEADING}Result{HEADING:#}: {}", result(report))
}

fn result(report: &Report) -> String {
    let trace = match (&report.preflight, &report.decision, &report.sampling) {
        (Some(preflight), _, _) if preflight.is_allowed => "the browser may send the request",
        (Some(preflight), _, _) if preflight.is_answered => "the browser does not send the request",
        (Some(_), _, _) => "a preflight without its answer",
        (None, Some(decision), _) if decision.continued => "the caller's trace is continued",
        (None, _, _) => "a new trace starts here",
    };
    let mut result = trace.to_owned();
    if let Some(sampling) = &report.sampling {
        result += if sampling.recorded { ", recorded" } else { ", not recorded" };
        let is_sent = report.outgoing.iter().any(|(name, _)| name == "sentry-trace");
        result += if is_sent { " and sent on" } else { " and not sent on" };
    }
    match report.advice.len() {
        0 => result + "; nothing to fix",
        1 => result + "; see the advice",
        rows => format!("{result}; see the {rows} rows of advice"),
    }
}

fn write_preflight(out: &mut String, preflight: &Preflight) -> std::fmt::Result {
    let origin = preflight.origin.as_deref().unwrap_or("none");
    writeln!(out, "  a preflight: the browser asks before it sends a page's request")?;
    writeln!(out, "  page's origin: {}", shown(origin))?;
    match preflight.asks_for.join(", ") {
        names if names.is_empty() => writeln!(out, "  asks for no trace header")?,
        names => writeln!(out, "  asks for {names}")?,
    }
    writeln!(out, "\n{HEADING}The answer{HEADING:#}")?;
    match (preflight.is_answered, preflight.is_allowed) {
        (false, _) => {
            let both = "without its answer nothing can be said; `curl -v` shows both";
            writeln!(out, "  {BAD}{both}{BAD:#}")
        }
        (true, false) => {
            writeln!(out, "  {BAD}the browser does not send the page's request{BAD:#}")
        }
        (true, true) => writeln!(out, "  {GOOD}the browser may send the page's request{GOOD:#}"),
    }
}

fn write_dsc(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.dsc.is_empty() {
        return Ok(());
    }
    write!(out, "\n{HEADING}Its dynamic sampling context{HEADING:#}")?;
    match report.dsc_is_used {
        true => writeln!(out)?,
        false => writeln!(out, "  {BAD}not used: its trace is not continued{BAD:#}")?,
    }
    for member in &report.dsc {
        write!(out, "  {:<14}{}", shown(&member.key), shown(&member.value))?;
        match &member.note {
            Some(note) => writeln!(out, "  {BAD}{note}{BAD:#}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn write_advice(out: &mut String, report: &Report) -> std::fmt::Result {
    if !report.advice.is_empty() {
        writeln!(out, "\n{HEADING}Advice{HEADING:#}  {DIM}docs/troubleshooting.md{DIM:#}")?;
    }
    for Advice { symptom, seen, why, what } in &report.advice {
        writeln!(out, "  {ADVICE}{symptom}{ADVICE:#}: {}", shown(seen))?;
        writeln!(out, "    why: {why}")?;
        writeln!(out, "    do:  {what}")?;
    }
    Ok(())
}

/// The value, with a caret under each fault.
fn write_header(out: &mut String, header: &Header) -> std::fmt::Result {
    let name = header.name;
    let value = shown(&header.value);
    if header.faults.is_empty() {
        writeln!(out, "  {GOOD}{name}{GOOD:#}: {value}")?;
        if header.counts {
            writeln!(out, "  {:width$}  {GOOD}^ this one counts{GOOD:#}", "", width = name.len())?;
        }
        return Ok(());
    }
    writeln!(out, "  {BAD}{name}{BAD:#}: {value}")?;
    for fault in &header.faults {
        let before = header.value.get(..fault.at).unwrap_or(&header.value);
        let column = 2 + name.len() + 2 + before.chars().count().min(MAX_WIDTH);
        writeln!(out, "{:column$}{BAD}^ {}{BAD:#}", "", fault.problem)?;
    }
    Ok(())
}

/// Without control characters, and cut to a few lines.
fn shown(value: &str) -> String {
    let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = value.chars().map(plain).take(MAX_WIDTH).collect();
    if value.chars().count() > MAX_WIDTH {
        shown.push('…');
    }
    shown
}
