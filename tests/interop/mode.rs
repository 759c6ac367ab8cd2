//! Which propagator the relay registers.

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mode {
    Alone,
    Wrap,
    WrapWithinTargets,
    List,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] =
        [Self::Alone, Self::Wrap, Self::WrapWithinTargets, Self::List];

    /// The modes that also speak W3C's headers.
    pub(crate) const W3C: [Self; 3] = [Self::Wrap, Self::WrapWithinTargets, Self::List];

    /// The mode's name in the relay's `COMPOSE`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Wrap => "wrap",
            Self::WrapWithinTargets => "wrap_within_targets",
            Self::List => "list",
        }
    }

    /// The mode's description on the page.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Alone => "`sentry.propagator()`",
            Self::Wrap => "`.wrap([TraceContext, Baggage])`",
            Self::WrapWithinTargets => "`.wrap([TraceContext, Baggage]).within_targets()`",
            Self::List => "`[TraceContext, Baggage, Sentry]` with `rewrite_tracestate`",
        }
    }

    pub(crate) fn speaks_w3c(self) -> bool {
        self != Self::Alone
    }

    /// W3C's propagators know no targets: an unwrapped stock propagator sends `traceparent` to
    /// every host.
    pub(crate) fn holds_w3c_to_targets(self) -> bool {
        matches!(self, Self::Alone | Self::WrapWithinTargets)
    }
}
