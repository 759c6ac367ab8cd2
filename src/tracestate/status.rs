//! The first bytes of our member: what is known about a span apart from its DSC.
//!
//! ```text
//! status     = origin decision permission
//! ```
//!
//! | letter | origin: where the trace's DSC comes from |
//! | --- | --- |
//! | `c` | continued: it arrived, and is frozen |
//! | `w` | withheld: none is sent, because none arrived or it must not be sent |
//! | `h` | head: it is ours, made from the settings |
//!
//! | letter | decision: who decides whether the trace is sampled |
//! | --- | --- |
//! | `.` | the span's flag says it |
//! | `t` | the span's flag says it, and that came from `traceparent` |
//! | `?` | it arrived undecided |
//! | `-` | it is undecided, and our sampler left it so |
//! | `0`, `1` | our sampler took no decision; the caller's is forwarded |
//!
//! | letter | permission: may this span's request carry trace headers |
//! | --- | --- |
//! | `.` | not known |
//! | `x` | denied |
//! | `a` | allowed |
//!
//! `c..;T;S` is a span of a continued trace: its flag is the decision, its URL was not checked
//! against the targets, and (see `entries.rs`) the DSC is
//! `sentry-trace_id=<the trace's id>,sentry-sampled=true`.

/// How many bytes a status takes.
pub(crate) const STATUS_BYTES: usize = 3;

/// Where the trace's DSC comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It arrived, and is frozen: the entries are the DSC.
    Continued,
    /// None is sent: the entries only serve this service's sampling.
    Withheld,
    /// It is composed from the settings: the entries are what the trace adds to them.
    Head,
}

/// Who decides whether the trace is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Decided, as the span's OTel flag says.
    Flag,
    /// The same, and the flag came from `traceparent`, not from `sentry-trace`.
    Traceparent,
    /// It arrived undecided.
    Deferred,
    /// It is undecided, and our sampler left it so.
    Undecided,
    /// Our sampler took no decision of its own; the caller's is forwarded.
    Forwarded(bool),
}

/// Whether this span's request may carry trace headers. It applies to one span, never to its
/// children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    Unknown,
    Denied,
    Allowed,
}

/// Origin, decision and permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) origin: Origin,
    pub(crate) decision: Decision,
    pub(crate) permission: Permission,
}

impl Status {
    /// The status of a span without our member.
    pub(crate) const UNMARKED: Status =
        Status { origin: Origin::Head, decision: Decision::Flag, permission: Permission::Unknown };

    /// The status of a span whose member is malformed, or names another trace.
    pub(crate) const MALFORMED: Status = Status { origin: Origin::Withheld, ..Status::UNMARKED };

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [origin, decision, permission] = bytes else {
            return None;
        };
        Some(Status {
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
            permission: match permission {
                b'.' => Permission::Unknown,
                b'x' => Permission::Denied,
                b'a' => Permission::Allowed,
                _ => return None,
            },
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; STATUS_BYTES] {
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
        let permission = match self.permission {
            Permission::Unknown => b'.',
            Permission::Denied => b'x',
            Permission::Allowed => b'a',
        };
        [origin, decision, permission]
    }

    /// The status that a member on a remote parent may have: Sentry's headers cannot say more, and
    /// another party may have written it.
    pub(crate) fn of_remote(self) -> Self {
        let decision = match self.decision {
            Decision::Undecided => Decision::Deferred,
            Decision::Forwarded(_) => Decision::Flag,
            other => other,
        };
        Status { decision, permission: Permission::Unknown, ..self }
    }
}
