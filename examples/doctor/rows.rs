//! The rows of `docs/troubleshooting.md` that the doctor quotes, in the page's words. A test holds
//! them to the page.

pub(crate) const TWO_TRACES: &str = "Two traces instead of one";
pub(crate) const NOT_SAMPLED: &str = "Child not sampled";
pub(crate) const NO_BAGGAGE: &str = "Baggage missing";
pub(crate) const DEFERRED: &str = "Deferred never recorded";
pub(crate) const CORS: &str = "CORS error";
pub(crate) const NOTHING_SENT: &str = "Nothing sent";

/// The last two cells of a row, below the heading that is its symptom.
pub(crate) struct Row {
    pub(crate) symptom: &'static str,
    pub(crate) why: &'static str,
    pub(crate) what: &'static str,
}

const fn row(symptom: &'static str, why: &'static str, what: &'static str) -> Row {
    Row { symptom, why, what }
}

pub(crate) const NOT_SENT: Row = row(
    TWO_TRACES,
    "the caller does not send it here",
    "name this service in the caller's `tracePropagationTargets` (`trace_propagation_targets`)",
);
pub(crate) const INVALID: Row = row(
    TWO_TRACES,
    "it is not 32 hex digits, `-`, 16 hex digits and at most `-0` or `-1`, or an id is all zeros",
    "fix the sender",
);
pub(crate) const TRACEPARENT_NOT_READ: Row = row(
    TWO_TRACES,
    "`sentry.propagator()` alone does not read `traceparent`",
    "wrap W3C's propagator: `sentry.propagator().wrap(TraceContextPropagator::new())`",
);
pub(crate) const TWO_HEADERS: Row = row(
    TWO_TRACES,
    "a proxy or a client adds one of its own",
    "send one: the first valid one counts, and some carriers show one line only",
);
pub(crate) const TWO_TRACES_NAMED: Row = row(
    TWO_TRACES,
    "a proxy started one of its own",
    "`sentry-trace` wins; `prefer_traceparent` reverses that",
);
pub(crate) const OTHER_ORGANIZATION: Row = row(
    TWO_TRACES,
    "another organization's trace is refused",
    "compare the DSN and `org_id` of both sides",
);
pub(crate) const CALLER_UNKNOWN: Row = row(
    TWO_TRACES,
    "the caller's organization is not known",
    "set `org_id` at the caller (`orgId` in JavaScript), or a DSN whose host begins with `o<digits>.`",
);
pub(crate) const SERVICE_UNKNOWN: Row = row(
    TWO_TRACES,
    "this service's organization is not known",
    "set `org_id` here, or a DSN whose host begins with `o<digits>.`",
);
pub(crate) const HEAD_DECIDED: Row = row(
    NOT_SAMPLED,
    "the head decided against this trace",
    "raise the rate of the head: the page, the gateway",
);
pub(crate) const NO_RATE: Row = row(
    NOT_SAMPLED,
    "nothing is recorded here; the `-1` is forwarded",
    "set a rate: `0.0` records only what callers sampled",
);
pub(crate) const TRACEPARENT_DECIDED: Row = row(
    NOT_SAMPLED,
    "W3C's decision counts as the caller's",
    "sample where that trace starts; if a load balancer sends it, decide in a `traces_sampler`",
);
pub(crate) const NO_DSN: Row = row(NO_BAGGAGE, "there is no DSN", "`dsn(..)`, or `SENTRY_DSN`");
pub(crate) const CAME_WITHOUT: Row = row(
    NO_BAGGAGE,
    "it came without `sentry-*`; only the head makes a DSC",
    "fix the head, or the hop that dropped `baggage`",
);
pub(crate) const OTHER_TRACE: Row = row(
    NO_BAGGAGE,
    "its `sentry-trace_id` is another trace's",
    "find what mixes two requests: a cached page, or a proxy with a fixed header",
);
pub(crate) const UNDECIDED: Row = row(
    DEFERRED,
    "this service has neither `traces_sample_rate` nor `traces_sampler`",
    "set one here, or at the head",
);
pub(crate) const STATUS: Row = row(
    CORS,
    "authentication or routing stands before the CORS layer",
    "put the CORS layer outside both",
);
pub(crate) const ORIGIN: Row =
    row(CORS, "the service does not allow this page", "allow its origin: scheme, host and port");
pub(crate) const NAMES: Row = row(
    CORS,
    "the service does not allow the trace headers",
    "allow `sentry-trace`, `baggage` and `traceparent`, in the service or in the proxy that answers \
     for it",
);
pub(crate) const OTHER_NAMES: Row =
    row(CORS, "the page asks for more besides the trace", "allow that header or method too");
pub(crate) const STAR: Row =
    row(CORS, "`*` does not count for requests with credentials", "name the headers one by one");
pub(crate) const NOT_TOLD: Row = row(
    CORS,
    "a page sends trace headers to its own origin only, unless it is told",
    "allow the headers first; then name this service in the page's `tracePropagationTargets`",
);
pub(crate) const NO_TARGET: Row = row(
    NOTHING_SENT,
    "the URL is no target, or unknown under `deny_unknown_urls`, or the list is empty \
     (`SENTRY_TRACE_PROPAGATION_TARGETS=`)",
    "name the target in `trace_propagation_targets`",
);
pub(crate) const SENTRY_ITSELF: Row =
    row(NOTHING_SENT, "the URL is Sentry's own", "nothing: that is intended");
