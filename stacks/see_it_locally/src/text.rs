//! The trace for the terminal.

use std::fmt::Write;

use crate::trace::Trace;

/// Columns of the branches with the name, and of the bar.
const LABEL: usize = 58;
const BAR: usize = 24;

pub(crate) fn tree(trace: &Trace) -> String {
    let times = trace.times();
    let mut text = format!("trace {}\n", trace.id);
    for line in trace.lines() {
        let label =
            format!("{}{}  {}", branches(&line.followed), line.span.service, line.span.name);
        let label: String = label.chars().take(LABEL).collect();
        let (start, end) = (line.span.start, line.span.end);
        let failed = if line.span.failed { "  failed" } else { "" };
        let left_out = match line.left_out {
            0 => String::new(),
            spans => format!("  page timings: {spans}"),
        };
        // Writing to a String never fails.
        let _ = writeln!(
            text,
            "{label:LABEL$}  {:11}  {}  {:6.1} ms{failed}{left_out}",
            line.span.op,
            bar((start, end), times),
            (end - start) * 1e3,
        );
    }
    text
}

fn branches(followed: &[bool]) -> String {
    let Some((own, above)) = followed.split_last().filter(|(_, above)| !above.is_empty()) else {
        return String::new();
    };
    let stems = above.iter().skip(1).map(|followed| if *followed { "│  " } else { "   " });
    stems.collect::<String>() + if *own { "├─ " } else { "└─ " }
}

/// When the span ran within the trace.
fn bar((start, end): (f64, f64), whole: (f64, f64)) -> String {
    let (before, length) = place((start, end), whole, BAR);
    let after = BAR - before - length;
    "·".repeat(before) + &"█".repeat(length) + &"·".repeat(after)
}

/// Where the span begins and how long it is, in `cells` cells; at least one.
fn place((start, end): (f64, f64), whole: (f64, f64), cells: usize) -> (usize, usize) {
    let total = (whole.1 - whole.0).max(1e-9);
    let cell = |at: f64| ((at - whole.0) / total * cells as f64).round() as usize;
    let before = cell(start).min(cells - 1);
    (before, cell(end).clamp(before + 1, cells) - before)
}

#[cfg(test)]
mod tests {
    use crate::trace::{tests::whole, traces};

    #[test]
    fn a_tree_has_a_line_for_each_span() {
        let text = super::tree(&traces(&whole())[0]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("trace 771a43a4"), "{text}");
        assert!(lines[1].starts_with("page  Pageload  "), "{text}");
        assert!(lines[1].ends_with("page timings: 1"), "{text}");
        assert!(lines[2].starts_with("└─ page  GET http://localhost"), "{text}");
        assert!(lines[3].starts_with("   └─ shop  GET /api/cart"), "{text}");
    }
}
