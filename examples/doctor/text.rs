//! The report as text.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::report::{Header, Report};

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
    writeln!(out, "{HEADING}What came{HEADING:#}")?;
    for header in &report.headers {
        write_header(out, header)?;
    }
    if report.headers.is_empty() {
        writeln!(out, "  no trace header")?;
    }
    if !report.dsc.is_empty() {
        writeln!(out, "\n{HEADING}Its dynamic sampling context{HEADING:#}")?;
        for member in &report.dsc {
            write!(out, "  {:<14}{}", shown(&member.key), shown(&member.value))?;
            match &member.note {
                Some(note) => writeln!(out, "  {BAD}{note}{BAD:#}")?,
                None => writeln!(out)?,
            }
        }
    }
    let decision = &report.decision;
    let style = if decision.continued { GOOD } else { BAD };
    writeln!(out, "\n{HEADING}The trace{HEADING:#}")?;
    writeln!(out, "  {style}{}{style:#}  {DIM}{}{DIM:#}", decision.sentence, decision.rule)?;
    writeln!(out, "  the service's spans are in trace {}", decision.trace_id)?;
    writeln!(out, "\n{HEADING}Sampling{HEADING:#}")?;
    writeln!(out, "  {}", shown(&report.sampling.sentence))?;
    let (style, recorded) = if report.sampling.recorded { (GOOD, "is") } else { (BAD, "is not") };
    writeln!(out, "  {style}the service's span {recorded} recorded{style:#}")?;
    writeln!(out, "\n{HEADING}What goes out{HEADING:#}")?;
    for (name, value) in &report.outgoing {
        writeln!(out, "  {name}: {}", shown(value))?;
    }
    if report.outgoing.is_empty() {
        writeln!(out, "  {BAD}nothing{BAD:#}")?;
    }
    if !report.advice.is_empty() {
        writeln!(out, "\n{HEADING}Advice{HEADING:#}  {DIM}docs/troubleshooting.md{DIM:#}")?;
    }
    for advice in &report.advice {
        writeln!(out, "  {ADVICE}{}{ADVICE:#}: {}", advice.symptom, advice.advice)?;
    }
    Ok(())
}

/// The value, with a caret under each fault.
fn write_header(out: &mut String, header: &Header) -> std::fmt::Result {
    let name = header.name;
    let value = shown(&header.value);
    if header.faults.is_empty() {
        return writeln!(out, "  {GOOD}{name}{GOOD:#}: {value}");
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
