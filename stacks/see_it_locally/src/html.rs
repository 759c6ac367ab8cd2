//! The traces as a page.

use crate::spans::PAGE;
use crate::trace::{Line, Trace};

const STYLE: &str = include_str!("style.css");

/// The newest trace first. The page loads itself anew until the newest one is whole.
pub(crate) fn page(traces: &[Trace]) -> String {
    let newest = traces.last();
    let is_whole = newest.is_some_and(|trace| trace.problems().is_empty());
    let refresh = if is_whole { "" } else { "<meta http-equiv=\"refresh\" content=\"1\">" };
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">{refresh}\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>One trace</title><style>{STYLE}</style><body><h1>One trace</h1>"
    );
    html +=
        "<p>What arrived at the Sentry on loopback: spans of the Vue page and of the service of \
             <code>docs/getting_started.md</code>.</p>";
    if newest.is_none() {
        html += "<p class=\"waiting\">No span has arrived. The page's SDK sends its spans some seconds \
                 after it is loaded.</p>";
    }
    for trace in traces.iter().rev() {
        html += &section(trace);
    }
    html + "</body></html>"
}

fn section(trace: &Trace) -> String {
    let problems = trace.problems();
    let (class, state) = match problems.first() {
        None => ("whole", "whole".to_owned()),
        Some(problem) => ("broken", format!("not whole, or not yet: {}", escape(problem))),
    };
    let mut html = format!(
        "<section><h2>trace <code>{}</code> <span class=\"{class}\">{state}</span></h2><ol>",
        escape(&trace.id)
    );
    let times = trace.times();
    for line in trace.lines() {
        html += &row(&line, times);
    }
    let total = (times.1 - times.0) * 1e3;
    html + &format!(
        "<li class=\"scale\"><span></span><span class=\"ends\"><span>0 ms</span><span>{total:.0} ms</span></span>\
               </li></ol></section>"
    )
}

fn row(line: &Line, whole: (f64, f64)) -> String {
    let span = line.span;
    let total = (whole.1 - whole.0).max(1e-9);
    let share = |seconds: f64| seconds / total * 100.0;
    let kind = if span.service == PAGE { "page" } else { "service" };
    let (failed, state) = if span.failed { (" failed", ", failed") } else { ("", "") };
    let op = match line.left_out {
        0 => escape(&span.op),
        spans => format!("{}, page timings: {spans}", escape(&span.op)),
    };
    format!(
        "<li class=\"{kind}{failed}\"><span class=\"label\" style=\"padding-left:{}rem\">\
         <b>{}</b> <span class=\"name\" title=\"{2}\">{2}</span> <i>{3}{state}</i></span>\
         <span class=\"track\"><span class=\"bar\" style=\"left:{4:.2}%;width:{5:.2}%\"></span></span>\
         <span class=\"time\">{6:.1} ms</span></li>",
        1.2 * (line.followed.len() - 1) as f64,
        escape(&span.service),
        escape(&span.name),
        op,
        share(span.start - whole.0),
        share(span.end - span.start).max(0.4),
        (span.end - span.start) * 1e3,
    )
}

/// What a span is called may come from anywhere.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::trace::{tests::whole, traces};

    #[test]
    fn a_whole_trace_is_a_page_that_rests() {
        let html = super::page(&traces(&whole()));
        assert!(html.contains(">whole<") && !html.contains("refresh"), "{html}");
        assert!(html.contains("http://localhost:8080/&lt;api&gt;"), "{html}");
        assert_eq!(html.matches("class=\"bar\"").count(), 3, "{html}");
    }

    #[test]
    fn a_trace_that_is_not_whole_says_why() {
        let html = super::page(&traces(&whole()[1..]));
        assert!(
            html.contains("not yet: no span of the service") && html.contains("refresh"),
            "{html}"
        );
        assert!(super::page(&[]).contains("No span has arrived"));
    }
}
