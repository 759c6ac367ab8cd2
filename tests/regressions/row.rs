//! A row as data.
#![allow(dead_code)] // Without the feature `http` the merge rows are not read.

use std::collections::BTreeMap;

use opentelemetry_sentry::Sentry;
use serde::Deserialize;

use crate::common::rows::rows;
use crate::common::{DSN, OTHER_SPAN_ID, OTHER_TRACE_ID};
use crate::text::Text;

#[derive(Deserialize)]
#[serde(tag = "run", rename_all = "snake_case")]
pub(super) enum Row {
    Trace(Box<TraceRow>),
    Dsn(DsnRow),
    Merge(MergeRow),
}

/// One request through one service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceRow {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) through: Through,
    pub(super) sampler: SamplerName,
    #[serde(default)]
    pub(super) settings: Settings,
    #[serde(default = "usual")]
    pub(super) trace_id: String,
    #[serde(default, rename = "in")]
    pub(super) incoming: BTreeMap<String, Text>,
    /// Whether a stock W3C propagator has already read the request.
    #[serde(default)]
    pub(super) read_before: bool,
    /// The `baggage` that an additional inner propagator writes.
    pub(super) inner_baggage: Option<Text>,
    #[serde(default)]
    pub(super) own: Vec<(String, String)>,
    #[serde(default)]
    pub(super) own_count: usize,
    /// The URL of the CLIENT span's request.
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) out: BTreeMap<String, Out>,
    /// Texts that must be absent from every outgoing header and from the span's trace state.
    #[serde(default)]
    pub(super) nowhere: Vec<String>,
}

/// A rejected DSN.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DsnRow {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) dsn: String,
}

/// Headers to merge into those of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeRow {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) request: Vec<(String, Text)>,
    pub(super) set: Vec<(String, Text)>,
    pub(super) out: Vec<(String, Text)>,
}

/// How the bug was found.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Review,
    Attack,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Through {
    Alone,
    /// Around W3C's.
    Wrap,
    /// Around OTel's own `BaggagePropagator`.
    WrapBaggage,
    /// In a list behind W3C's and OTel's.
    W3cFirst,
    /// In a list before W3C's.
    SentryFirst,
}

/// `None`: no tracer, so the remote span's context is forwarded.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SamplerName {
    None,
    Ours,
    AlwaysOn,
    ParentBased,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    dsn: bool,
    traces_sample_rate: Option<f64>,
    trace_propagation_targets: Option<Vec<String>>,
    strict_trace_continuation: bool,
    deny_unknown_urls: bool,
}

/// A row's expectation of one outgoing header; null means absent.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Out {
    Absent(()),
    Exactly(Text),
    Holds(Holds),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Holds {
    pub(super) contains: Vec<String>,
    pub(super) not_contains: Vec<String>,
    pub(super) members: Option<usize>,
    pub(super) max_bytes: Option<usize>,
}

fn usual() -> String {
    OTHER_TRACE_ID.to_owned()
}

pub(super) fn all() -> Vec<Row> {
    rows(include_str!("../vectors/regressions.json"), 112)
}

impl Settings {
    pub(super) fn sentry(&self) -> Sentry {
        let mut builder = Sentry::builder()
            .strict_trace_continuation(self.strict_trace_continuation)
            .deny_unknown_urls(self.deny_unknown_urls);
        if self.dsn {
            builder = builder.dsn(DSN).release("shop@1.2.3");
        }
        if let Some(rate) = self.traces_sample_rate {
            builder = builder.traces_sample_rate(rate);
        }
        if let Some(targets) = &self.trace_propagation_targets {
            builder = builder.trace_propagation_targets(targets);
        }
        builder.build().expect("settings")
    }
}

impl TraceRow {
    /// A text with `{T}` and `{S}` replaced by ids, and `{ST}` and `{TP}` by headers.
    pub(super) fn spell(&self, text: &str) -> String {
        text.replace("{ST}", "{T}-{S}")
            .replace("{TP}", "00-{T}-{S}")
            .replace("{T}", &self.trace_id)
            .replace("{S}", OTHER_SPAN_ID)
    }
}
