//! The `sentry-trace` header: which span called, in which trace, and whether that trace is sampled.

use std::fmt;
use std::str::FromStr;

use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanId, TraceId};

use crate::text::chars::trim_ows;
use crate::text::hex::{parse_hex, to_hex};

/// Name of the `sentry-trace` header.
pub const SENTRY_TRACE_HEADER: &str = "sentry-trace";

/// How many bytes of a request's `sentry-trace` headers are read in total: this crate's own limit.
/// That W3C Baggage has the same number is a coincidence.
const MAX_SENTRY_TRACE_BYTES: usize = 8192;

/// The ids' names in errors.
const TRACE_ID: &str = "trace id";
const SPAN_ID: &str = "span id";

/// The value of one `sentry-trace` header.
///
/// # Syntax
///
/// ```text
/// sentry-trace = trace-id "-" span-id [ "-" sampled ]
/// trace-id     = 32HEXDIG        ; not all zeros
/// span-id      = 16HEXDIG        ; not all zeros
/// sampled      = "0" / "1"
/// ```
///
/// Spaces and tabs around it are skipped; upper-case digits are read, lower-case ones are written.
/// Follows the [Sentry specification](https://develop.sentry.dev/sdk/foundations/trace-propagation/).
///
/// ```
/// use opentelemetry_sentry::SentryTrace;
///
/// let trace: SentryTrace = "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1".parse()?;
/// assert_eq!(trace.sampled(), Some(true));
/// assert_eq!(trace.to_string(), "771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1");
/// # Ok::<(), opentelemetry_sentry::InvalidSentryTrace>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SentryTrace {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: Option<bool>,
}

impl SentryTrace {
    /// The value for a span; `None` if an id is all zeros.
    pub fn new(trace_id: TraceId, span_id: SpanId, sampled: Option<bool>) -> Option<Self> {
        (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then_some(SentryTrace {
            trace_id,
            span_id,
            sampled,
        })
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span that made the call.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The sampling decision; `None` if it is deferred.
    pub fn sampled(&self) -> Option<bool> {
        self.sampled
    }

    /// The value of the header.
    pub(crate) fn to_header(self) -> String {
        let mut ids = Vec::with_capacity(51);
        ids.extend_from_slice(&to_hex::<16, 32>(self.trace_id.to_bytes()));
        ids.push(b'-');
        ids.extend_from_slice(&to_hex::<8, 16>(self.span_id.to_bytes()));
        let mut header = String::from_utf8(ids).unwrap_or_default();
        push_flag(&mut header, self.sampled);
        header
    }

    /// The first valid element of the carrier's headers. A header may be a list: proxies join
    /// duplicates with commas.
    #[inline]
    pub(crate) fn extract(extractor: &dyn Extractor) -> Option<Self> {
        let first = extractor.get(SENTRY_TRACE_HEADER)?;
        let is_read = first.len() <= MAX_SENTRY_TRACE_BYTES;
        match is_read.then(|| first.parse()) {
            Some(Ok(trace)) => Some(trace),
            _ => Self::find(extractor),
        }
    }

    /// The first valid element among all headers of this name.
    fn find(extractor: &dyn Extractor) -> Option<Self> {
        let mut left = MAX_SENTRY_TRACE_BYTES;
        for line in extractor.get_all(SENTRY_TRACE_HEADER)? {
            let mut rest = Some(line);
            while let Some(list) = rest {
                let (element, tail) = split_element(list, left)?;
                if let Ok(trace) = element.parse() {
                    return Some(trace);
                }
                left = left.checked_sub(element.len() + 1)?;
                rest = tail;
            }
        }
        None
    }
}

/// Appends the decision to a header without one.
pub(crate) fn push_flag(header: &mut String, sampled: Option<bool>) {
    if let Some(sampled) = sampled {
        header.push_str(if sampled { "-1" } else { "-0" });
    }
}

/// The trace id's digits in a header that [`SentryTrace::to_header`] wrote.
pub(crate) fn trace_id_digits(header: &str) -> &str {
    header.get(..32).unwrap_or_default()
}

/// The first element of a comma list and what follows it, or `None` if it is longer than `left`.
fn split_element(list: &str, left: usize) -> Option<(&str, Option<&str>)> {
    let window = list.as_bytes().get(..=left).unwrap_or(list.as_bytes());
    match memchr::memchr(b',', window) {
        Some(comma) => Some((list.get(..comma)?, list.get(comma + 1..))),
        None if list.len() <= left => Some((list, None)),
        None => None,
    }
}

impl FromStr for SentryTrace {
    type Err = InvalidSentryTrace;

    /// # Errors
    ///
    /// - an empty text, or only spaces and tabs
    /// - `771a43a4192642f0b136d5159a50170-7dd6b3a1fb4d9c2a` - 31 digits
    /// - `771a43a4192642f0b136d5159a501700` - no span id
    /// - `g71a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a` - not a hexadecimal digit
    /// - `771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-` - a flag that is not `0` or `1`
    /// - `00000000000000000000000000000000-7dd6b3a1fb4d9c2a` - an id of zeros
    fn from_str(text: &str) -> Result<Self, InvalidSentryTrace> {
        parse(trim_ows(text)).map_err(InvalidSentryTrace)
    }
}

fn parse(text: &str) -> Result<SentryTrace, ErrorKind> {
    if text.is_empty() {
        return Err(ErrorKind::Empty);
    }
    let (trace_id, rest) = take_id::<32>(text).ok_or_else(|| wrong_id::<32>(TRACE_ID, text))?;
    let rest = rest.ok_or(ErrorKind::NoSpanId)?;
    let (span_id, flag) = take_id::<16>(rest).ok_or_else(|| wrong_id::<16>(SPAN_ID, rest))?;
    let sampled = match flag {
        None => None,
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(_) => return Err(ErrorKind::Flag),
    };
    if trace_id == 0 {
        return Err(ErrorKind::Zeros(TRACE_ID));
    }
    if span_id == 0 {
        return Err(ErrorKind::Zeros(SPAN_ID));
    }
    Ok(SentryTrace {
        trace_id: TraceId::from(trace_id),
        // 16 digits are 64 bits.
        span_id: SpanId::from(span_id as u64),
        sampled,
    })
}

/// An id of `N` digits, and the text after the dash that follows it.
fn take_id<const N: usize>(text: &str) -> Option<(u128, Option<&str>)> {
    let id = parse_hex::<N>(text.get(..N)?)?;
    match text.get(N..)? {
        "" => Some((id, None)),
        rest => Some((id, Some(rest.strip_prefix('-')?))),
    }
}

/// Why a text does not start with an id of `N` digits.
fn wrong_id<const N: usize>(id: &'static str, text: &str) -> ErrorKind {
    let digits = text.split('-').next().unwrap_or_default();
    match digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => ErrorKind::Length { id, expected: N, found: digits.len() },
        false => ErrorKind::NotHex(id),
    }
}

impl fmt::Display for SentryTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_header())
    }
}

/// Why a text is not a [`SentryTrace`]. The message never repeats the text.
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidSentryTrace(ErrorKind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum ErrorKind {
    Empty,
    NotHex(&'static str),
    Length { id: &'static str, expected: usize, found: usize },
    NoSpanId,
    Flag,
    Zeros(&'static str),
}

impl fmt::Display for InvalidSentryTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid sentry-trace: ")?;
        match self.0 {
            ErrorKind::Empty => f.write_str("empty"),
            ErrorKind::NotHex(id) => write!(f, "{id} holds a character that is not a hex digit"),
            ErrorKind::Length { id, expected, found } => {
                write!(f, "{id} has {found} hex digits, expected {expected}")
            }
            ErrorKind::NoSpanId => f.write_str("span id is missing"),
            ErrorKind::Flag => f.write_str("sampled flag must be 0 or 1"),
            ErrorKind::Zeros(id) => write!(f, "{id} is all zeros"),
        }
    }
}

impl fmt::Debug for InvalidSentryTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvalidSentryTrace({:?})", self.to_string())
    }
}

impl std::error::Error for InvalidSentryTrace {}
