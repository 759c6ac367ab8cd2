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

    /// Those that speak W3C's headers too.
    pub(crate) const W3C: [Self; 3] = [Self::Wrap, Self::WrapWithinTargets, Self::List];

    /// As the relay's `COMPOSE` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Wrap => "wrap",
            Self::WrapWithinTargets => "wrap_within_targets",
            Self::List => "list",
        }
    }

    /// What it is, for the page.
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

    /// W3C's propagators know no targets: where a stock one writes `traceparent` by itself, it goes
    /// everywhere.
    pub(crate) fn holds_w3c_to_targets(self) -> bool {
        matches!(self, Self::Alone | Self::WrapWithinTargets)
    }
}
