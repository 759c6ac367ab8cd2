//! The two tables of Sentry's specification "Trace Propagation" 1.9.0. Each row runs through a real
//! tracer provider.

#[path = "../common/mod.rs"]
mod common;

use common::hop::{dsc, header, hop};
use common::rows::{header_map, rows};
use common::{OTHER_SPAN_ID, OTHER_TRACE_ID};
use http::HeaderMap;
use opentelemetry::trace::SpanId;
use opentelemetry_sentry::{Sentry, BAGGAGE_HEADER, SENTRY_TRACE_HEADER, TRACEPARENT_HEADER};
use serde::Deserialize;

const URL: &str = "https://api.myecommerce.com/pay?card=1";
/// Its host has no organization.
const DSN: &str = "https://49d0f7386ad645858ae85020e393bef3@sentry.myecommerce.com/42";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Propagation {
    incoming: String,
    incoming_flag: Option<String>,
    target_matches: bool,
    traces_sample_rate: Option<f64>,
    spans_recorded: bool,
    headers_sent: bool,
    same_trace_id: Option<bool>,
}

impl Propagation {
    fn incoming(&self) -> HeaderMap {
        let flag = match (&*self.incoming, self.incoming_flag.as_deref()) {
            ("none", None) => return HeaderMap::new(),
            ("present", Some("deferred")) => "",
            ("present", Some("0")) => "-0",
            ("present", Some("1")) => "-1",
            _ => panic!("{self:?}"),
        };
        header_map([
            (SENTRY_TRACE_HEADER, &*format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}{flag}")),
            (BAGGAGE_HEADER, &*format!("sentry-trace_id={OTHER_TRACE_ID},sentry-release=head")),
        ])
    }

    fn sentry(&self, propagate_traceparent: bool) -> Sentry {
        let target = match self.target_matches {
            true => "https://api.myecommerce.com",
            false => "https://auth.myecommerce.com",
        };
        let builder = Sentry::builder()
            .dsn(DSN)
            .release("shop@1.2.3")
            .trace_propagation_targets([target])
            .propagate_traceparent(propagate_traceparent);
        let builder = match self.traces_sample_rate {
            Some(rate) => builder.traces_sample_rate(rate),
            None => builder,
        };
        builder.build().unwrap()
    }
}

#[test]
fn propagation_decision_matrix() {
    let rows: Vec<Propagation> = rows(include_str!("../vectors/propagation_matrix.json"), 24);
    for row in rows {
        for traceparent in [false, true] {
            let hop = hop(&row.sentry(traceparent), &row.incoming(), "checkout", URL);

            assert_eq!(hop.recorded.len(), if row.spans_recorded { 2 } else { 0 }, "{row:?}");
            let sent = hop.sentry_trace();
            assert_eq!(sent.is_some(), row.headers_sent, "{row:?}");
            assert_eq!(!dsc(&hop.sent).is_empty(), row.headers_sent, "{row:?}");
            let w3c = header(&hop.sent, TRACEPARENT_HEADER);
            assert_eq!(w3c.is_some(), row.headers_sent && traceparent, "{row:?}");
            if !row.headers_sent {
                assert!(hop.sent.is_empty(), "{row:?}: {:?}", hop.sent);
            }
            if let Some(sent) = sent {
                assert_eq!(sent.trace_id(), hop.client.trace_id(), "{row:?}");
                assert_eq!(sent.span_id(), hop.client.span_id(), "{row:?}");
                let same = sent.trace_id().to_string() == OTHER_TRACE_ID;
                assert_eq!(same, row.same_trace_id.unwrap_or(false), "{row:?}");
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    baggage_org_id: Option<String>,
    own_org_id: Option<String>,
    strict_trace_continuation: bool,
    r#continue: bool,
}

impl Strict {
    fn incoming(&self) -> HeaderMap {
        let org = self.baggage_org_id.iter().map(|id| format!(",sentry-org_id={id}"));
        let head = format!("sentry-trace_id={OTHER_TRACE_ID},sentry-release=head");
        header_map([
            (SENTRY_TRACE_HEADER, &*format!("{OTHER_TRACE_ID}-{OTHER_SPAN_ID}-0")),
            (BAGGAGE_HEADER, &*org.fold(head, |list, member| list + &member)),
        ])
    }

    fn sentry(&self) -> Sentry {
        let builder = Sentry::builder()
            .dsn(DSN)
            .release("shop@1.2.3")
            .traces_sample_rate(1.0)
            .strict_trace_continuation(self.strict_trace_continuation);
        let builder = match &self.own_org_id {
            Some(id) => builder.org_id(id.as_str()),
            None => builder,
        };
        builder.build().unwrap()
    }
}

#[test]
fn strict_trace_continuation() {
    let rows: Vec<Strict> = rows(include_str!("../vectors/strict_continuation.json"), 10);
    for row in rows {
        let hop = hop(&row.sentry(), &row.incoming(), "checkout", URL);
        let sent = hop.sentry_trace().unwrap_or_else(|| panic!("{row:?}: not sent"));
        let value = |name| dsc(&hop.sent).into_iter().find(|(key, _)| *key == name);
        let value = |name| value(name).map(|(_, value)| value);

        assert_eq!(sent.trace_id().to_string() == OTHER_TRACE_ID, row.r#continue, "{row:?}");
        if row.r#continue {
            // The head's decision and DSC, with or without its organization.
            assert_eq!((sent.sampled(), hop.recorded.len()), (Some(false), 0), "{row:?}");
            assert_eq!(value("release"), Some("head"), "{row:?}");
            assert_eq!(value("org_id"), row.baggage_org_id.as_deref(), "{row:?}");
        } else {
            // A new head: another trace, its own decision, its own DSC.
            assert_eq!(sent.sampled(), Some(true), "{row:?}");
            let [_, server] = &*hop.recorded else {
                panic!("{row:?}: {} spans", hop.recorded.len());
            };
            assert_eq!(server.parent_span_id, SpanId::INVALID, "{row:?}");
            assert_eq!(value("release"), Some("shop%401.2.3"), "{row:?}");
            assert_eq!(value("org_id"), row.own_org_id.as_deref(), "{row:?}");
            assert_eq!(value("trace_id"), Some(&*sent.trace_id().to_string()), "{row:?}");
        }
    }
}
