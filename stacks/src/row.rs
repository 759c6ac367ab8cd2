//! The requests that come in.

/// One request: what its headers say, and what has to come of it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The end of `sentry-trace`, after its ids; `None` is a request without trace headers.
    pub(crate) flag: Option<&'static str>,
    /// The lines of `baggage`; `TRACE` stands for the id.
    pub(crate) baggage: &'static [&'static str],
    /// What goes on after `sentry-trace_id`: the members as they came, and what the service adds.
    pub(crate) sent: &'static [&'static str],
    /// The one decision; `None` where nobody but the service can know it.
    pub(crate) sampled: Option<bool>,
}

/// Each decision of the caller is one that the service's own rate of 0.5 would not have taken by this
/// `sample_rand`; the open ones are decided by it.
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
        name: "left open, and sampled here",
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
        name: "left open, and not sampled here",
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
