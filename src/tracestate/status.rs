//! The first bytes of our `tracestate` member: what is known of a span beside its DSC.
//!
//! ```text
//! marks    = origin decision verdict
//! origin   = "c" / "w" / "h"
//! decision = "." / "t" / "?" / "-" / "0" / "1"
//! verdict  = "." / "x" / "a"
//! ```

/// How many bytes the marks take.
pub(crate) const MARK_BYTES: usize = 3;

/// Where the trace's DSC comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It arrived, and is frozen: it is the entries.
    Continued,
    /// None is to be sent, because none arrived or it may not leave: entries are facts only.
    Withheld,
    /// It is ours, composed from the settings; the entries are what the trace adds to them.
    Head,
}

/// Who decides whether the trace is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Decided, as the span's OTel flag says.
    Flag,
    /// The same, of a remote parent whose decision only the flag of `traceparent` says.
    Traceparent,
    /// It arrived undecided.
    Deferred,
    /// It is undecided, and our sampler left it so.
    Undecided,
    /// Our sampler took no decision of its own; the caller's goes on.
    Forwarded(bool),
}

/// Whether this span's request may carry trace headers. It is said of one span, never of its
/// children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Unknown,
    Denied,
    Allowed,
}

/// All three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) origin: Origin,
    pub(crate) decision: Decision,
    pub(crate) verdict: Verdict,
}

impl Marks {
    /// What is true of a span that has none.
    pub(crate) const FOREIGN: Marks =
        Marks { origin: Origin::Head, decision: Decision::Flag, verdict: Verdict::Unknown };

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [origin, decision, verdict] = bytes else {
            return None;
        };
        Some(Marks {
            origin: match origin {
                b'c' => Origin::Continued,
                b'w' => Origin::Withheld,
                b'h' => Origin::Head,
                _ => return None,
            },
            decision: match decision {
                b'.' => Decision::Flag,
                b't' => Decision::Traceparent,
                b'?' => Decision::Deferred,
                b'-' => Decision::Undecided,
                b'0' => Decision::Forwarded(false),
                b'1' => Decision::Forwarded(true),
                _ => return None,
            },
            verdict: match verdict {
                b'.' => Verdict::Unknown,
                b'x' => Verdict::Denied,
                b'a' => Verdict::Allowed,
                _ => return None,
            },
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; MARK_BYTES] {
        let origin = match self.origin {
            Origin::Continued => b'c',
            Origin::Withheld => b'w',
            Origin::Head => b'h',
        };
        let decision = match self.decision {
            Decision::Flag => b'.',
            Decision::Traceparent => b't',
            Decision::Deferred => b'?',
            Decision::Undecided => b'-',
            Decision::Forwarded(false) => b'0',
            Decision::Forwarded(true) => b'1',
        };
        let verdict = match self.verdict {
            Verdict::Unknown => b'.',
            Verdict::Denied => b'x',
            Verdict::Allowed => b'a',
        };
        [origin, decision, verdict]
    }
}
