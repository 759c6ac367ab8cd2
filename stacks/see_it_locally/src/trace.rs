//! One trace: whether it is whole, and its tree.

use crate::spans::{Span, PAGE};

/// The spans of one trace id.
#[derive(Clone)]
pub(crate) struct Trace {
    pub(crate) id: String,
    pub(crate) spans: Vec<Span>,
}

/// A line of the tree.
pub(crate) struct Line<'a> {
    pub(crate) span: &'a Span,
    /// For each ancestor, and last the span itself, whether a sibling follows.
    pub(crate) followed: Vec<bool>,
    /// How many spans below this one are left out: the page times itself, too.
    pub(crate) left_out: usize,
}

/// By trace id, in the order in which their first spans arrived.
pub(crate) fn traces(spans: &[Span]) -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::new();
    for span in spans {
        match traces.iter_mut().find(|trace| trace.id == span.trace_id) {
            Some(trace) => trace.spans.push(span.clone()),
            None => {
                traces.push(Trace { id: span.trace_id.clone(), spans: vec![span.clone()] });
            }
        }
    }
    traces
}

impl Trace {
    /// What is missing; empty if the trace is whole.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let roots: Vec<&Span> = self.spans.iter().filter(|span| span.parent.is_empty()).collect();
        match roots[..] {
            [root] if root.service == PAGE => {}
            [root] => problems.push(format!("it starts in {}, not in the page", root.service)),
            [] => problems.push("its first span is missing".to_owned()),
            _ => problems.push(format!("it has {} first spans", roots.len())),
        }
        for span in &self.spans {
            if !span.parent.is_empty() && self.span(&span.parent).is_none() {
                problems.push(format!("{}: the span above {} is missing", span.service, span.name));
            }
        }
        let is_served = |span: &&Span| span.service != PAGE && span.op == "http.server";
        if !self.spans.iter().any(|span| is_served(&span)) {
            problems.push("no span of the service is in it".to_owned());
        }
        for server in self.spans.iter().filter(is_served) {
            let caller = self.span(&server.parent).map(|caller| caller.op.as_str());
            if caller.is_some_and(|op| op != "http.client") {
                problems.push(format!("{}: {} is below no call", server.service, server.name));
            }
        }
        let rate = roots.first().and_then(|root| root.rate.as_ref());
        if let Some(other) = self.spans.iter().find(|span| span.rate.as_ref() != rate) {
            problems.push(format!("{}: {} has another rate", other.service, other.name));
        }
        problems
    }

    fn span(&self, id: &str) -> Option<&Span> {
        self.spans.iter().find(|span| span.id == id)
    }

    /// When it starts and ends.
    pub(crate) fn times(&self) -> (f64, f64) {
        let start = self.spans.iter().map(|span| span.start).fold(f64::INFINITY, f64::min);
        (start, self.spans.iter().map(|span| span.end).fold(start, f64::max))
    }

    /// The tree from its root down. What has lost its parent stands beside the root.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        let mut roots: Vec<&Span> =
            self.spans.iter().filter(|span| self.span(&span.parent).is_none()).collect();
        roots.sort_by(|a, b| a.start.total_cmp(&b.start));
        for root in roots {
            self.add_lines(root, &[], false, &mut lines);
        }
        lines
    }

    fn add_lines<'a>(
        &'a self,
        span: &'a Span,
        above: &[bool],
        is_followed: bool,
        lines: &mut Vec<Line<'a>>,
    ) {
        let mut followed = above.to_vec();
        followed.push(is_followed);
        let below = self.spans.iter().filter(|child| child.parent == span.id);
        let (mut children, left_out): (Vec<&Span>, Vec<&Span>) =
            below.partition(|child| self.is_shown(child));
        children.sort_by(|a, b| a.start.total_cmp(&b.start));
        lines.push(Line { span, followed: followed.clone(), left_out: left_out.len() });
        for (index, child) in children.iter().enumerate() {
            self.add_lines(child, &followed, index + 1 < children.len(), lines);
        }
    }

    /// Paints, scripts and components are left out.
    fn is_shown(&self, span: &Span) -> bool {
        span.service != PAGE
            || span.op == "http.client"
            || self.spans.iter().any(|child| child.parent == span.id && self.is_shown(child))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn span(service: &str, id: &str, parent: &str, name: &str, op: &str) -> Span {
        Span {
            service: service.to_owned(),
            trace_id: "771a43a4192642f0b136d5159a501700".to_owned(),
            id: id.to_owned(),
            parent: parent.to_owned(),
            name: name.to_owned(),
            op: op.to_owned(),
            failed: false,
            start: 1.0,
            end: 2.0,
            rate: Some("1".to_owned()),
        }
    }

    pub(crate) fn whole() -> Vec<Span> {
        vec![
            span("shop", "3", "2", "GET /api/cart", "http.server"),
            span(PAGE, "4", "1", "first-paint", "paint"),
            span(PAGE, "1", "", "Pageload", "pageload"),
            span(PAGE, "2", "1", "GET http://localhost:8080/<api>", "http.client"),
        ]
    }

    fn problems(change: impl Fn(&mut Vec<Span>)) -> Vec<String> {
        let mut spans = whole();
        change(&mut spans);
        traces(&spans)[0].problems()
    }

    #[test]
    fn a_trace_is_whole_or_says_what_is_missing() {
        assert_eq!(problems(|_| {}), [""; 0]);
        let no_service = ["no span of the service is in it"];
        assert_eq!(problems(|spans| drop(spans.remove(0))), no_service);
        assert_eq!(
            problems(|spans| spans[0].parent = "1".into()),
            ["shop: GET /api/cart is below no call"]
        );
        assert_eq!(
            problems(|spans| spans[0].parent = "9".into()),
            ["shop: the span above GET /api/cart is missing"]
        );
        assert_eq!(problems(|spans| drop(spans.remove(2)))[0], "its first span is missing");
        assert_eq!(problems(|spans| spans[0].parent.clear())[0], "it has 2 first spans");
        assert_eq!(
            problems(|spans| spans[2].service = "shop".into()),
            ["it starts in shop, not in the page"]
        );
        assert_eq!(
            problems(|spans| spans[0].rate = None),
            ["shop: GET /api/cart has another rate"]
        );
    }

    #[test]
    fn another_trace_id_is_another_trace() {
        let mut spans = whole();
        spans[0].trace_id = "1".repeat(32);
        assert_eq!(traces(&spans).len(), 2);
    }

    #[test]
    fn the_tree_leaves_out_what_only_times_the_page() {
        let trace = &traces(&whole())[0];
        let lines = trace.lines();
        let names: Vec<&str> = lines.iter().map(|line| line.span.name.as_str()).collect();
        assert_eq!(names, ["Pageload", "GET http://localhost:8080/<api>", "GET /api/cart"]);
        assert_eq!(lines[0].left_out, 1);
        assert_eq!(lines[2].followed, [false, false, false]);
    }
}
