//! The report as data. Text and JSON show the same.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) headers: Vec<Header>,
    pub(crate) dsc: Vec<Member>,
    pub(crate) decision: Decision,
    pub(crate) sampling: Sampling,
    /// The headers of a request that the service sends.
    pub(crate) outgoing: Vec<(String, String)>,
    pub(crate) advice: Vec<Advice>,
}

/// One incoming header.
#[derive(Serialize)]
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) faults: Vec<Problem>,
}

#[derive(Serialize)]
pub(crate) struct Problem {
    /// A byte offset into the value.
    pub(crate) at: usize,
    pub(crate) problem: String,
}

/// A member of the DSC, decoded.
#[derive(Serialize)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) note: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Decision {
    /// The name of a `ContinueDecision`.
    pub(crate) rule: String,
    pub(crate) sentence: String,
    pub(crate) continued: bool,
    /// The trace that the service's spans belong to.
    pub(crate) trace_id: String,
}

#[derive(Serialize)]
pub(crate) struct Sampling {
    /// The incoming decision: true, false, or null if it is deferred.
    pub(crate) arrived: Option<bool>,
    pub(crate) sample_rate: Option<String>,
    pub(crate) sample_rand: Option<String>,
    pub(crate) sentence: String,
    /// Whether the service's span is recorded.
    pub(crate) recorded: bool,
}

/// A symptom is a heading of `docs/troubleshooting.md`.
#[derive(Serialize)]
pub(crate) struct Advice {
    pub(crate) symptom: &'static str,
    pub(crate) advice: String,
}
