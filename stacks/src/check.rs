//! Checks the result of one request.

use http::HeaderMap;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sentry::SentryTrace;

use crate::caller::Request;
use crate::row::Row;
use crate::stack::{Stack, Way};
use crate::telemetry::RATE;

const SAMPLE_RAND: &str = "sentry-sample_rand=";

/// The result of one request.
pub(crate) struct Observed<'a> {
    pub(crate) stack: Stack,
    pub(crate) way: &'a Way,
    pub(crate) row: &'a Row,
    pub(crate) request: &'a Request,
    /// The headers of each call to the next service.
    pub(crate) calls: Vec<HeaderMap>,
    /// The exported spans of the trace.
    pub(crate) spans: Vec<SpanData>,
}

impl Observed<'_> {
    /// The trace id: the caller's, or that of the first call.
    pub(crate) fn trace(&self) -> Option<String> {
        if self.row.flag.is_some() {
            return Some(self.request.trace.to_string());
        }
        let first = self.calls.first().and_then(sentry_trace)?;
        Some(first.trace_id().to_string())
    }

    /// The decision, if it is known.
    pub(crate) fn sampled(&self) -> Option<bool> {
        let first = || self.calls.first().and_then(sentry_trace)?.sampled();
        self.row.sampled.or_else(first)
    }

    pub(crate) fn server_span(&self) -> Option<&SpanData> {
        self.spans.iter().find(|span| span.span_kind == SpanKind::Server)
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.span_problems();
        for headers in &self.calls {
            match self.way.is_target || !self.stack.knows_urls {
                true => problems.extend(self.header_problems(headers)),
                false => problems.extend(denied_problems(headers)),
            }
        }
        problems
    }

    /// For sampled traces. After the last request, another check ensures that unsampled traces have
    /// no spans.
    fn span_problems(&self) -> Vec<String> {
        if self.sampled() != Some(true) {
            return Vec::new();
        }
        match self.server_span() {
            Some(server) => self.server_problems(server),
            None => vec!["the server's span is missing".to_owned()],
        }
    }

    fn server_problems(&self, server: &SpanData) -> Vec<String> {
        let is_child = server.parent_span_id == self.request.span;
        let mut problems = Vec::new();
        if is_child != self.row.flag.is_some() {
            problems.push(format!("the server's span has the parent {}", server.parent_span_id));
        }
        if server.name != self.stack.transaction {
            problems.push(format!("the server's span has the name {}", server.name));
        }
        let clients = self.spans.iter().filter(|span| span.span_kind == SpanKind::Client);
        let clients: Vec<_> = clients.collect();
        if clients.len() != self.calls.len() {
            problems.push(format!("{} clients' spans", clients.len()));
        }
        if clients.iter().any(|span| span.parent_span_id != server.span_context.span_id()) {
            problems.push("a client's span is not a child of the server's".to_owned());
        }
        problems
    }

    /// For a call that may carry Sentry's headers.
    fn header_problems(&self, headers: &HeaderMap) -> Vec<String> {
        let Some(sent) = sentry_trace(headers) else {
            return vec!["there is not exactly one valid sentry-trace".to_owned()];
        };
        let mut problems = Vec::new();
        let mut expect = |is_right: bool, what: String| {
            if !is_right {
                problems.push(what);
            }
        };
        let trace = sent.trace_id().to_string();
        expect(self.trace().as_ref() == Some(&trace), format!("the call is in trace {trace}"));
        expect(sent.sampled() == self.sampled(), format!("its flag is {:?}", sent.sampled()));
        expect(sent.span_id() != self.request.span, "it has the caller's span id".to_owned());
        let is_known = self.spans.iter().any(|span| {
            span.span_kind == SpanKind::Client && span.span_context.span_id() == sent.span_id()
        });
        expect(Some(is_known) == self.sampled(), format!("its span was exported: {is_known}"));

        let members = members(headers);
        let (mut sentry, others): (Vec<&str>, Vec<&str>) =
            members.iter().map(String::as_str).partition(|member| member.starts_with("sentry-"));
        if self.row.flag.is_none() {
            let rand = sentry.iter().find_map(|member| member.strip_prefix(SAMPLE_RAND));
            let below = rand.and_then(|rand| rand.parse().ok()).map(|rand: f64| rand < RATE);
            expect(below == sent.sampled(), format!("the sample_rand is {rand:?}"));
            sentry.retain(|member| !member.starts_with(SAMPLE_RAND));
        }
        let expected = self.expected_members(&sent);
        expect(sentry == expected, format!("{sentry:?} was sent, not {expected:?}"));
        let forwarded = self.way.with_w3c;
        let vendor: &[&str] = if forwarded { &["vendor=7"] } else { &[] };
        expect(others == vendor, format!("other parties' members are {others:?}"));

        let flag = if sent.sampled() == Some(true) { "01" } else { "00" };
        let traceparent = format!("00-{trace}-{}-{flag}", sent.span_id());
        let traceparent = forwarded.then_some(traceparent);
        let found = headers.get("traceparent").and_then(|value| value.to_str().ok());
        expect(found == traceparent.as_deref(), format!("the traceparent is {found:?}"));
        let state = headers.get("tracestate").and_then(|value| value.to_str().ok()).unwrap_or("");
        expect(!state.contains("sentry"), format!("the tracestate is {state}"));
        problems
    }

    /// The expected `sentry-*` members of `baggage`.
    fn expected_members(&self, sent: &SentryTrace) -> Vec<String> {
        let id = format!("sentry-trace_id={}", sent.trace_id());
        if self.row.flag.is_none() {
            return self.head_members(id);
        }
        let first = self.row.baggage.first();
        let is_read =
            self.stack.reads_all_lines || first.is_some_and(|line| line.contains("TRACE"));
        if !is_read {
            return vec![];
        }
        let sent = self.row.sent.iter().map(|member| (*member).to_owned());
        [id].into_iter().chain(sent).collect()
    }

    /// The members that the service sends as head of a trace, without the random `sample_rand`.
    fn head_members(&self, id: String) -> Vec<String> {
        let transaction = self.stack.transaction.replace(' ', "%20").replace('/', "%2F");
        let sampled = self.sampled() == Some(true);
        vec![
            id,
            "sentry-public_key=key".to_owned(),
            format!("sentry-sample_rate={RATE}"),
            format!("sentry-sampled={sampled}"),
            "sentry-environment=production".to_owned(),
            format!("sentry-transaction={transaction}"),
            "sentry-org_id=1".to_owned(),
        ]
    }
}

/// For a call to a URL outside the targets.
fn denied_problems(headers: &HeaderMap) -> Vec<String> {
    let sentry = members(headers).into_iter().filter(|member| member.starts_with("sentry-"));
    let trace = headers.get_all("sentry-trace").iter().map(|value| format!("{value:?}"));
    trace.chain(sentry).map(|what| format!("{what} was sent outside the targets")).collect()
}

/// The header, if it occurs exactly once.
fn sentry_trace(headers: &HeaderMap) -> Option<SentryTrace> {
    let mut lines = headers.get_all("sentry-trace").iter();
    let (first, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    first.to_str().ok()?.parse().ok()
}

/// All members of `baggage`, in order.
fn members(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("baggage").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|member| member.trim().to_owned()).collect()
}
