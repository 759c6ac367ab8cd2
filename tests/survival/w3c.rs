//! Checks a trace state against W3C's grammar. The SDK checks only part of it.

use opentelemetry::trace::{SpanContext, TraceState};

/// <https://www.w3.org/TR/trace-context-2/#tracestate-header-field-values>
///
/// ```text
/// list     = list-member 0*31( OWS "," OWS list-member )
/// key      = ( lcalpha / DIGIT ) 0*255 ( keychar )
/// keychar  = lcalpha / DIGIT / "_" / "-"/ "*" / "/" / "@"
/// value    = 0*255(chr) nblk-chr
/// nblk-chr = %x21-2B / %x2D-3C / %x3E-7E
/// chr      = %x20 / nblk-chr
/// ```
pub(super) fn check(header: &str) -> Result<(), String> {
    let mut keys = Vec::new();
    for member in header.split(',') {
        let (key, value) = member.split_once('=').ok_or(format!("no `=`: {member:?}"))?;
        let is_start = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let is_key = |b: &u8| is_start(b) || b"_-*/@".contains(b);
        let bytes = key.as_bytes();
        if !bytes.first().is_some_and(is_start) || !bytes.iter().all(is_key) || bytes.len() > 256 {
            return Err(format!("key: {key:?}"));
        }
        let is_char = |b: u8| matches!(b, 0x20..=0x2b | 0x2d..=0x3c | 0x3e..=0x7e);
        if !(1..=256).contains(&value.len()) || !value.bytes().all(is_char) || value.ends_with(' ')
        {
            return Err(format!("value: {value:?}"));
        }
        if keys.contains(&key) {
            return Err(format!("twice: {key}"));
        }
        keys.push(key);
    }
    if keys.len() > 32 {
        return Err(format!("{} members", keys.len()));
    }
    Ok(())
}

/// An absent list is valid.
#[track_caller]
pub(super) fn assert_valid(span_context: &SpanContext) -> &TraceState {
    let header = span_context.trace_state().header();
    if !header.is_empty() {
        check(&header).unwrap_or_else(|reason| panic!("{reason} in {header:?}"));
    }
    span_context.trace_state()
}

#[test]
fn the_checker_checks() {
    let long = "x".repeat(257);
    let (long_key, long_value) = (format!("{long}=1"), format!("a={long}"));
    let many = |n| (0..n).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    for good in ["a=1", "a= 1", "0a_-*/@=!~", "a=1,b=2", &many(32), &format!("a={}", &long[1..])] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in [
        "", "a", "a=", "A=1", "_a=1", "a.b=1", "a=1 ", "a=b=c", "a=é", "a=\n", "a=1,,b=2",
        "a=1,a=2",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
    for bad in [&*long_key, &*long_value, &*many(33)] {
        assert!(check(bad).is_err(), "{bad}");
    }
}
