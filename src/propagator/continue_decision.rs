//! Why a trace is continued, or is not.

use std::fmt;

/// Whether an incoming trace is continued, and by which rule: the result of
/// [`SentryPropagator::continue_decision`](crate::SentryPropagator::continue_decision).
///
/// Its message contains nothing of the request, so you can log it. Follows
/// [Strict Trace Continuation](https://develop.sentry.dev/sdk/foundations/trace-propagation/#strict-trace-continuation).
///
/// Guide: [Two traces instead of one](crate::_documentation::troubleshooting#two-traces-instead-of-one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContinueDecision {
    /// Continued: the caller belongs to our organization.
    SameOrganization,
    /// Continued: neither the caller's organization nor ours is known.
    NeitherOrganizationKnown,
    /// Continued: only one of the two organizations is known, and `strict_trace_continuation` is
    /// off.
    OneOrganizationKnown,
    /// A new trace: the caller belongs to another organization.
    OtherOrganization,
    /// A new trace: the caller's organization is unknown, and `strict_trace_continuation` is on.
    CallerOrganizationUnknown,
    /// A new trace: the caller's organization is known, ours is not, and
    /// `strict_trace_continuation` is on.
    OwnOrganizationUnknown,
    /// No Sentry trace arrived: there is no valid `sentry-trace`, and no remote parent from another
    /// propagator.
    NoTrace,
    /// No Sentry trace arrived: another propagator found the remote parent, and no DSC names its
    /// trace. It stays the parent.
    NotASentryTrace,
}

impl ContinueDecision {
    /// Whether the next span is part of the caller's Sentry trace.
    pub fn is_continued(self) -> bool {
        match self {
            ContinueDecision::SameOrganization
            | ContinueDecision::NeitherOrganizationKnown
            | ContinueDecision::OneOrganizationKnown => true,
            ContinueDecision::OtherOrganization
            | ContinueDecision::CallerOrganizationUnknown
            | ContinueDecision::OwnOrganizationUnknown
            | ContinueDecision::NoTrace
            | ContinueDecision::NotASentryTrace => false,
        }
    }

    /// Whether the caller's trace must not be continued.
    pub(crate) fn is_refused(self) -> bool {
        match self {
            ContinueDecision::OtherOrganization
            | ContinueDecision::CallerOrganizationUnknown
            | ContinueDecision::OwnOrganizationUnknown => true,
            ContinueDecision::SameOrganization
            | ContinueDecision::NeitherOrganizationKnown
            | ContinueDecision::OneOrganizationKnown
            | ContinueDecision::NoTrace
            | ContinueDecision::NotASentryTrace => false,
        }
    }

    /// Compares the two organizations; either may be unknown.
    pub(crate) fn by_organizations(ours: Option<&str>, theirs: Option<&str>, strict: bool) -> Self {
        match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours == theirs => ContinueDecision::SameOrganization,
            (Some(_), Some(_)) => ContinueDecision::OtherOrganization,
            (None, None) => ContinueDecision::NeitherOrganizationKnown,
            _ if !strict => ContinueDecision::OneOrganizationKnown,
            (Some(_), None) => ContinueDecision::CallerOrganizationUnknown,
            (None, Some(_)) => ContinueDecision::OwnOrganizationUnknown,
        }
    }
}

impl fmt::Display for ContinueDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContinueDecision::SameOrganization => {
                "continued: the caller is of the same organization"
            }
            ContinueDecision::NeitherOrganizationKnown => {
                "continued: neither the caller's organization nor this service's is known"
            }
            ContinueDecision::OneOrganizationKnown => {
                "continued: only one of the two organizations is known, and \
                 strict_trace_continuation is off"
            }
            ContinueDecision::OtherOrganization => {
                "new trace: the caller is of another organization"
            }
            ContinueDecision::CallerOrganizationUnknown => {
                "new trace: the caller's organization is not known, and strict_trace_continuation \
                 is on"
            }
            ContinueDecision::OwnOrganizationUnknown => {
                "new trace: this service's organization is not known, and strict_trace_continuation is on"
            }
            ContinueDecision::NoTrace => "no Sentry trace: there is no valid sentry-trace header",
            ContinueDecision::NotASentryTrace => {
                "no Sentry trace: no DSC names the trace of the parent that another propagator found"
            }
        })
    }
}
