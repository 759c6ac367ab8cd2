//! The report as data. Text and JSON show the same.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Report {
    /// Requests of the same dump before the one that is explained.
    pub(crate) earlier_requests: usize,
    pub(crate) headers: Vec<Header>,
    pub(crate) dsc: Vec<Member>,
    /// Whether the trace that the DSC came with is continued.
    pub(crate) dsc_is_used: bool,
    /// Null for a preflight request, which starts no trace.
    pub(crate) decision: Option<Decision>,
    pub(crate) sampling: Option<Sampling>,
    /// The headers of a request that the service sends.
    pub(crate) outgoing: Vec<(String, String)>,
    pub(crate) preflight: Option<Preflight>,
    pub(crate) advice: Vec<Advice>,
}

/// What a browser asks before it sends a page's request.
#[derive(Serialize)]
pub(crate) struct Preflight {
    pub(crate) origin: Option<String>,
    /// Trace headers that the page wants to send.
    pub(crate) asks_for: Vec<String>,
    pub(crate) is_answered: bool,
    pub(crate) is_allowed: bool,
}

/// One incoming header.
#[derive(Serialize)]
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) faults: Vec<Problem>,
    /// Whether it is the one that counts among several.
    pub(crate) counts: bool,
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
    /// How the headers were read.
    pub(crate) propagator: &'static str,
    /// Whether the caller's trace goes on, be it Sentry's or W3C's.
    pub(crate) continued: bool,
    /// The trace that the service's spans belong to.
    pub(crate) trace_id: String,
}

#[derive(Serialize)]
pub(crate) struct Sampling {
    /// The decision of a continued trace: true, false, or null if it is undecided.
    pub(crate) arrived: Option<bool>,
    pub(crate) sample_rate: Option<String>,
    pub(crate) sample_rand: Option<String>,
    pub(crate) sentence: String,
    /// Whether the service's span is recorded.
    pub(crate) recorded: bool,
}

/// A row of `docs/troubleshooting.md`, with its words. The symptom is a heading.
#[derive(Serialize)]
pub(crate) struct Advice {
    pub(crate) symptom: &'static str,
    pub(crate) seen: String,
    pub(crate) why: &'static str,
    pub(crate) what: &'static str,
}
