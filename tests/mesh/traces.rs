//! The traces: one that starts in our first service, and those of Sentry's SDKs.

/// A member of the user's own baggage.
pub(crate) const TENANT: &str = "tenant=a%20b";

pub(crate) struct Trace {
    pub(crate) name: &'static str,
    /// The headers that the first service receives.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The rates of the first service and of the last one, which would decide differently.
    pub(crate) rates: [Option<f64>; 2],
    pub(crate) decision: Option<bool>,
}

impl Trace {
    fn members(&self) -> impl Iterator<Item = &'static str> {
        let baggage = self.headers.iter().filter(|(name, _)| *name == "baggage");
        baggage.flat_map(|(_, list)| list.split(','))
    }

    /// The incoming DSC, or `None` if our service builds it.
    pub(crate) fn dsc(&self) -> Option<Vec<&'static str>> {
        let members: Vec<_> = self.members().filter(|m| m.starts_with("sentry-")).collect();
        (!members.is_empty()).then_some(members)
    }

    /// The user's own baggage.
    pub(crate) fn baggage(&self) -> Vec<&'static str> {
        self.members().filter(|member| !member.starts_with("sentry-")).collect()
    }
}

pub(crate) const TRACES: [Trace; 6] = [
    Trace {
        name: "a head, sampled",
        headers: &[("baggage", TENANT)],
        rates: [Some(1.0), Some(0.0)],
        decision: Some(true),
    },
    Trace {
        name: "a head, not sampled",
        headers: &[],
        rates: [Some(0.0), Some(1.0)],
        decision: Some(false),
    },
    Trace { name: "a head, undecided", headers: &[], rates: [None, None], decision: None },
    // As @sentry/node 11.11.0 sends it (tests/vectors/captured_heads.json, node-on-1), but without
    // the `%25` in its release: OTel's BaggagePropagator decodes `%25` and writes a bare `%`.
    Trace {
        name: "continued, sampled",
        headers: &[
            ("sentry-trace", "3dc76f6e829c46b3af10c60e8bcf6d41-a3cf8abec803eb9e-1"),
            (
                "baggage",
                "tenant=a%20b,sentry-environment=prod%2Cnode%C3%BC,\
                 sentry-release=shop-node%402.1.0%2Bb%209%2C%C3%A9%3B%3D,\
                 sentry-public_key=nodepub0000000000000000000000000,\
                 sentry-trace_id=3dc76f6e829c46b3af10c60e8bcf6d41,sentry-sampled=true,\
                 sentry-sample_rand=0.3139823105467921,sentry-sample_rate=0.5",
            ),
        ],
        rates: [Some(0.0), Some(0.0)],
        decision: Some(true),
    },
    Trace {
        name: "continued, not sampled",
        headers: &[
            ("sentry-trace", "3a10920f6b0e49489cc1f97af9b32974-b263ab4589e59dc0-0"),
            (
                "baggage",
                "sentry-trace_id=3a10920f6b0e49489cc1f97af9b32974,sentry-sampled=false,\
                 sentry-sample_rand=0.712345,sentry-sample_rate=0.5,sentry-a-b=x+y",
            ),
            ("baggage", TENANT),
        ],
        rates: [Some(1.0), Some(1.0)],
        decision: Some(false),
    },
    Trace {
        name: "continued, undecided",
        headers: &[
            ("sentry-trace", "c660f8dbbf7a4d93ac8c9f6a2d51f7f5-9aa3f07b4d47e31b"),
            (
                "baggage",
                "sentry-trace_id=c660f8dbbf7a4d93ac8c9f6a2d51f7f5,sentry-sample_rand=0.417300,\
                 sentry-environment=prod%2Cpython%C3%BC",
            ),
        ],
        rates: [None, None],
        decision: None,
    },
];
