//! Where a header stops being valid. A test checks that this agrees with the crate.

use opentelemetry_sentry::SentryTrace;

/// What is wrong, and at which byte of the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: String,
}

/// How many bytes of a header are read.
const MAX_BYTES: usize = 8192;

const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;
const SPAN_START: usize = TRACE_DIGITS + 1;
const SPAN_END: usize = SPAN_START + SPAN_DIGITS;

/// Where the value of `sentry-trace` fails. Proxies join several with commas; the first valid one
/// counts.
pub(crate) fn sentry_trace_fault(value: &str) -> Option<Fault> {
    let mut start = 0;
    let mut first = None;
    for element in value.split(',') {
        if start + element.len() > MAX_BYTES {
            let problem = "not read from here on: longer than 8192 bytes".to_owned();
            first.get_or_insert(Fault { at: start, problem });
            break;
        }
        match element.parse::<SentryTrace>() {
            Ok(_) => return None,
            Err(error) => {
                let at = start + element_fault(element);
                first.get_or_insert(Fault { at, problem: error.to_string() });
            }
        }
        start += element.len() + 1;
    }
    first
}

/// The byte at which `trace-id "-" span-id [ "-" sampled ]` ends early, continues, or is malformed.
fn element_fault(element: &str) -> usize {
    let start = element.len() - element.trim_start_matches([' ', '\t']).len();
    let bytes = element.trim_matches([' ', '\t']).as_bytes();
    let fits = |place: usize, byte: u8| match place {
        TRACE_DIGITS | SPAN_END => byte == b'-',
        0..SPAN_END => byte.is_ascii_hexdigit(),
        _ => place == SPAN_END + 1 && (byte == b'0' || byte == b'1'),
    };
    let broken = bytes.iter().enumerate().position(|(place, byte)| !fits(place, *byte));
    let zeros = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|digits| digits.iter().all(|digit| *digit == b'0'))
    };
    start
        + match broken {
            Some(place) => place,
            None if bytes.len() < SPAN_END || bytes.len() == SPAN_END + 1 => bytes.len(),
            None if zeros(0..TRACE_DIGITS) => 0,
            None if zeros(SPAN_START..SPAN_END) => SPAN_START,
            None => bytes.len(),
        }
}

/// Members of `baggage` that are skipped, and the place where reading stops.
pub(crate) fn baggage_faults(value: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut start = 0;
    for member in value.split(',') {
        let fault = |problem: &str| Fault { at: start, problem: problem.to_owned() };
        if start + member.len() > MAX_BYTES {
            faults.push(fault("not read from here on: longer than 8192 bytes"));
            break;
        }
        let trimmed = member.trim_matches([' ', '\t']);
        match trimmed.split_once('=') {
            None if !trimmed.is_empty() => faults.push(fault("skipped: a member without `=`")),
            Some((key, _)) if !is_token(key.trim_matches([' ', '\t'])) => {
                faults.push(fault("skipped: its key is no token"));
            }
            _ => {}
        }
        start += member.len() + 1;
    }
    faults
}

fn is_token(key: &str) -> bool {
    let special = "!#$%&'*+-.^_`|~";
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c))
}
