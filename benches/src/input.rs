//! The incoming requests.

use std::collections::HashMap;
use std::fmt::Write;

use http::header::{HeaderMap, HeaderValue, HOST};

pub const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
pub const SPAN_ID: &str = "7dd6b3a1fb4d9c2a";

const OTHER_HEADERS: [&str; 10] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "content-length",
    "cookie",
    "x-request-id",
    "x-forwarded-for",
];

/// A little below the limit for `baggage`.
const HOSTILE_BYTES: usize = 8180;
const UNIT_BYTES: usize = 128;

/// The trace headers of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    Absent,
    /// The same in a `HashMap`.
    AbsentHashMap,
    /// Nine Sentry members with a rate, so `ot=th` is written.
    Sampled,
    /// Like `Sampled`, but without a rate and with the `sample_rand` that the trace id implies, so no
    /// `ot` is written.
    NoRate,
    /// Nine Sentry members. No `ot` is written.
    Unsampled,
    Deferred,
    /// Like `Sampled`, with `, ` between members.
    Spaced,
    /// Like `Sampled`, with a property on another party's member.
    Property,
    /// Like `Sampled`, with one unknown `sentry-` key.
    UnknownKey,
    /// Like `Sampled`, with one duplicate key.
    Twice,
    /// Like `Sampled`, in two lines.
    TwoLines,
    /// Like `Sampled`, with a byte to encode in one value.
    Encode,
    /// A release of 60 characters, a transaction of 80, and a replay id.
    Long,
    /// Unknown, long Sentry members up to the limit.
    HostileLong,
    /// The same with the shortest members, all with one key.
    HostileShort,
    /// The same with bytes to encode in each.
    HostileEncoded,
    /// This many times 128 bytes of other parties' members, beside one Sentry member.
    Foreign(usize),
    /// This many times 128 bytes of unknown Sentry members.
    Unknown(usize),
}

/// An outgoing request's headers before trace headers are added.
pub fn carrier() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(HOST, HeaderValue::from_static("api.example.com"));
    headers
}

impl Input {
    pub fn name(self) -> String {
        match self {
            Self::Absent => "absent".into(),
            Self::AbsentHashMap => "absent, HashMap".into(),
            Self::Sampled => "sampled".into(),
            Self::NoRate => "sampled, no rate".into(),
            Self::Unsampled => "unsampled".into(),
            Self::Deferred => "deferred".into(),
            Self::Spaced => "spaces".into(),
            Self::Property => "a property".into(),
            Self::UnknownKey => "an unknown key".into(),
            Self::Twice => "a key twice".into(),
            Self::TwoLines => "two lines".into(),
            Self::Encode => "a byte to encode".into(),
            Self::Long => "long".into(),
            Self::HostileLong => "hostile, long members".into(),
            Self::HostileShort => "hostile, short members".into(),
            Self::HostileEncoded => "hostile, to encode".into(),
            Self::Foreign(times) => format!("foreign x{times}"),
            Self::Unknown(times) => format!("unknown keys x{times}"),
        }
    }

    pub fn is_absent(self) -> bool {
        matches!(self, Self::Absent | Self::AbsentHashMap)
    }

    /// The caller's decision.
    pub fn sampled(self) -> Option<bool> {
        match self {
            Self::Deferred => None,
            _ => Some(self != Self::Unsampled),
        }
    }

    pub fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in OTHER_HEADERS {
            headers.insert(name, HeaderValue::from_static("some value here"));
        }
        for (name, value) in self.trace_headers() {
            headers.append(name, value.parse().expect("a header value"));
        }
        headers
    }

    pub fn hash_map(self) -> HashMap<String, String> {
        let others = OTHER_HEADERS.map(|name| (name.to_owned(), "some value here".to_owned()));
        let ours = self.trace_headers().into_iter().map(|(name, value)| (name.to_owned(), value));
        others.into_iter().chain(ours).collect()
    }

    fn trace_headers(self) -> Vec<(&'static str, String)> {
        if self.is_absent() {
            return Vec::new();
        }
        let (flag, w3c) = match self.sampled() {
            Some(true) => ("-1", "01"),
            Some(false) => ("-0", "00"),
            None => ("", "00"),
        };
        let mut headers = vec![
            ("sentry-trace", format!("{TRACE_ID}-{SPAN_ID}{flag}")),
            ("traceparent", format!("00-{TRACE_ID}-{SPAN_ID}-{w3c}")),
        ];
        headers.extend(self.baggage().split('\n').map(|line| ("baggage", line.to_owned())));
        headers
    }

    fn baggage(self) -> String {
        match self {
            Self::Absent | Self::AbsentHashMap => String::new(),
            Self::Sampled => {
                realistic("sampled=true,sentry-sample_rand=0.6851552540613344,sentry-sample_rate=1")
            }
            Self::Spaced => Self::Sampled.baggage().replace(',', ", "),
            Self::Property => Self::Sampled.baggage().replace("tenant=7", "tenant=7;p=q"),
            Self::UnknownKey => Self::Sampled.baggage() + ",sentry-user_id=7",
            Self::Twice => Self::Sampled.baggage() + ",sentry-sampled=true",
            Self::TwoLines => {
                Self::Sampled.baggage().replacen(",sentry-sampled", "\nsentry-sampled", 1)
            }
            Self::Encode => Self::Sampled.baggage().replace("GET%20", "GET "),
            Self::NoRate => realistic("sampled=true,sentry-sample_rand=0.785811"),
            Self::Unsampled => {
                realistic("sampled=false,sentry-sample_rand=0.785811,sentry-sample_rate=0.25")
            }
            Self::Deferred => realistic("sample_rand=0.6851552540613344"),
            Self::Long => format!(
                "tenant=7,userId=alice,sentry-environment=production,sentry-release={},\
                 sentry-public_key=49d0f7386ad645858ae85020e393bef3,sentry-trace_id={TRACE_ID},\
                 sentry-sampled=true,sentry-sample_rand=0.6851552540613344,\
                 sentry-sample_rate=0.25,sentry-transaction={},\
                 sentry-replay_id=0123456789abcdef0123456789abcdef,sentry-org_id=42",
                "r".repeat(60),
                "t".repeat(80),
            ),
            Self::HostileLong => {
                members(HOSTILE_BYTES - 100, |i| format!("sentry-k{i}={}", "v".repeat(100)))
            }
            Self::HostileShort => members(HOSTILE_BYTES, |_| "sentry-a=b".into()),
            Self::HostileEncoded => members(HOSTILE_BYTES, |i| format!("sentry-k{i}=\\\"")),
            Self::Foreign(times) => (1..times)
                .fold(unit("sentry-environment=".into()), |baggage, i| {
                    baggage + "," + &unit(format!("vendor{i}="))
                }),
            Self::Unknown(times) => (1..times).fold(unit("sentry-k0=".into()), |baggage, i| {
                baggage + "," + &unit(format!("sentry-k{i}="))
            }),
        }
    }
}

/// Two other parties' members and those of a Python service, with `sampling`.
fn realistic(sampling: &str) -> String {
    format!(
        "tenant=7,userId=alice,sentry-environment=prod%2Cnode,sentry-release=shop%402.1.0,\
         sentry-public_key=49d0f7386ad645858ae85020e393bef3,sentry-trace_id={TRACE_ID},\
         sentry-{sampling},sentry-transaction=GET%20%2Fcart,sentry-org_id=42"
    )
}

/// Members up to `bytes`.
fn members(bytes: usize, member: impl Fn(usize) -> String) -> String {
    let mut baggage = member(0);
    for i in 1.. {
        let next = member(i);
        if baggage.len() + 1 + next.len() > bytes {
            break;
        }
        write!(baggage, ",{next}").expect("writing to a String cannot fail");
    }
    baggage
}

/// `member` with a value that fills it up to one unit, including the comma after it.
fn unit(member: String) -> String {
    let value = "v".repeat(UNIT_BYTES - 1 - member.len());
    member + &value
}
