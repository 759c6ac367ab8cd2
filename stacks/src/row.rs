//! The incoming requests.

/// One request: its headers and the expected result.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The end of `sentry-trace` after its ids; `None` omits the trace headers.
    pub(crate) flag: Option<&'static str>,
    /// The lines of `baggage`. `TRACE` stands for the id.
    pub(crate) baggage: &'static [&'static str],
    /// The members sent after `sentry-trace_id`: the incoming ones, then those that the service
    /// adds.
    pub(crate) sent: &'static [&'static str],
    /// The decision; `None` if the service makes it.
    pub(crate) sampled: Option<bool>,
}

/// Each caller's decision is the opposite of what the service's own rate of 0.5 would give for this
/// `sample_rand`. That rate decides undecided traces.
pub(crate) const ROWS: [Row; 6] = [
    Row {
        name: "sampled",
        flag: Some("-1"),
        baggage: &["sentry-trace_id=TRACE,sentry-public_key=abc,sentry-sample_rate=1,sentry-sample_rand=0.900000,\
                    vendor=7,sentry-sampled=true,sentry-release=web%401.0"],
        sent: &[
            "sentry-public_key=abc",
            "sentry-sample_rate=1",
            "sentry-sample_rand=0.900000",
            "sentry-sampled=true",
            "sentry-release=web%401.0",
        ],
        sampled: Some(true),
    },
    Row {
        name: "not sampled",
        flag: Some("-0"),
        baggage: &["vendor=7,sentry-trace_id=TRACE,sentry-public_key=abc,sentry-sample_rate=0.01,\
                    sentry-sample_rand=0.100000,sentry-sampled=false,sentry-unknown=a=b"],
        sent: &[
            "sentry-public_key=abc",
            "sentry-sample_rate=0.01",
            "sentry-sample_rand=0.100000",
            "sentry-sampled=false",
            "sentry-unknown=a=b",
        ],
        sampled: Some(false),
    },
    Row {
        name: "undecided, and sampled here",
        flag: Some(""),
        baggage: &["sentry-trace_id=TRACE,sentry-public_key=abc,sentry-sample_rand=0.100000,vendor=7"],
        sent: &[
            "sentry-public_key=abc",
            "sentry-sample_rand=0.100000",
            "sentry-sample_rate=0.5",
            "sentry-sampled=true",
        ],
        sampled: Some(true),
    },
    Row {
        name: "undecided, and not sampled here",
        flag: Some(""),
        baggage: &["sentry-trace_id=TRACE,sentry-public_key=abc,sentry-sample_rand=0.900000,vendor=7"],
        sent: &[
            "sentry-public_key=abc",
            "sentry-sample_rand=0.900000",
            "sentry-sample_rate=0.5",
            "sentry-sampled=false",
        ],
        sampled: Some(false),
    },
    Row {
        name: "two lines of baggage",
        flag: Some("-1"),
        baggage: &["vendor=7", "sentry-trace_id=TRACE,sentry-public_key=abc,sentry-sample_rand=0.900000"],
        sent: &["sentry-public_key=abc", "sentry-sample_rand=0.900000"],
        sampled: Some(true),
    },
    Row { name: "no trace", flag: None, baggage: &["vendor=7"], sent: &[], sampled: None },
];
