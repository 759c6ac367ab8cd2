//! The arithmetic of `th`, `rv` and `sample_rand` in integers, and where these fields occur.
//!
//! With M = 2^56 a trace has a randomness R in [0, M). A rate keeps K of M values: those from its
//! threshold T = M - K up.

use super::reader::{self, Entries};
use super::tracestate::is_ours;

const M: u128 = 1 << 56;
const MICROS: u128 = 1_000_000;

/// `K`: the rate times 2^56, rounded to the nearest integer from the exact value of the `f64`.
pub(crate) fn kept(rate: f64) -> u128 {
    if rate <= 0.0 {
        return 0;
    }
    if rate >= 1.0 {
        return M;
    }
    let bits = rate.to_bits();
    let fraction = u128::from(bits & ((1 << 52) - 1));
    // The value is mantissa * 2^-down.
    let (mantissa, down) = match bits >> 52 {
        0 => (fraction, 1074),
        exponent => (fraction | 1 << 52, 1075 - exponent),
    };
    // K is mantissa * 2^56 / 2^down, which is small if `down` is large.
    match u32::try_from(down).ok().filter(|down| *down < 120) {
        Some(down) => ((mantissa << 57 >> down) + 1) >> 1,
        None => 0,
    }
}

pub(crate) fn threshold(rate: f64) -> u128 {
    M - kept(rate)
}

/// `J`: the least number of millionths not below the rate.
pub(crate) fn boundary(rate: f64) -> u128 {
    let guess = (rate * 1e6) as u128;
    let first = guess.saturating_sub(3);
    (first..=guess + 3).find(|micros| *micros as f64 / 1e6 >= rate).expect("a boundary")
}

/// The `sample_rand`, in millionths, of a trace decided at this rate, or undecided.
pub(crate) fn micros(randomness: u128, decision: Option<(bool, f64)>) -> u128 {
    let k = ((M - 1 - randomness) * MICROS) >> 56;
    match decision {
        Some((true, rate)) => k.min(boundary(rate).saturating_sub(1)),
        Some((false, rate)) => k.max(boundary(rate)),
        None => k,
    }
}

/// The randomness that a `sample_rand` implies.
fn randomness_of(micros: u128, decision: Option<(bool, f64)>) -> u128 {
    let x = (micros * M).div_ceil(MICROS);
    let x = match decision {
        Some((true, rate)) => x.min(kept(rate) - 1),
        Some((false, rate)) => x.max(kept(rate)),
        None => x,
    };
    M - 1 - x
}

/// The first six digits of a number below one.
fn first_digits(number: f64) -> u128 {
    let guess = (number * 1e6) as u128 + 2;
    let below = |micros: &u128| *micros as f64 / 1e6 <= number;
    (0..=guess).rev().find(below).unwrap_or_default()
}

/// 1 to 14 lower-case hex digits, as many as the text has.
fn digits(text: &str) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_number = (1..=14).contains(&text.len()) && text.bytes().all(is_hex);
    is_number.then(|| u128::from_str_radix(text, 16).expect("digits"))
}

/// The threshold of a `th`.
fn parse_th(text: &str) -> Option<u128> {
    Some(digits(text)? << (4 * (14 - text.len())))
}

/// A threshold without trailing zeros, except that zero is `0`.
pub(crate) fn print_th(threshold: u128) -> String {
    let all = format!("{threshold:014x}");
    let cut = all.trim_end_matches('0');
    if cut.is_empty() {
        "0".to_owned()
    } else {
        cut.to_owned()
    }
}

/// The first field of this name in an `ot` member.
pub(crate) fn field<'a>(ot: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut fields = ot?.split(';').filter_map(|field| field.split_once(':'));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A valid `rv`.
fn rv(ot: Option<&str>) -> Option<u128> {
    field(ot, "rv").filter(|rv| rv.len() == 14).and_then(digits)
}

/// `R` of a trace.
pub(crate) fn randomness(trace_id: &str, ot: Option<&str>) -> u128 {
    rv(ot).unwrap_or_else(|| digits(&trace_id[18..]).expect("a trace id"))
}

/// A `th` that holds, which is kept.
fn holding(trace_id: &str, ot: Option<&str>, sampled: bool) -> Option<u128> {
    let threshold = field(ot, "th").and_then(parse_th)?;
    (sampled && randomness(trace_id, ot) >= threshold).then_some(threshold)
}

/// The value of `ot` if W3C's grammar allows it.
pub(crate) fn ot(header: &str) -> Option<String> {
    // The first valid one counts; an invalid one is removed.
    let members = header.split(',').map(|member| member.trim_matches([' ', '\t']));
    let mut valid = members.filter(|member| super::w3c::tracestate(member).is_ok());
    valid.find_map(|member| member.strip_prefix("ot=")).map(str::to_owned)
}

/// A continued Sentry trace's facts.
#[derive(Debug)]
pub(crate) struct Continued<'a> {
    pub(crate) trace_id: &'a str,
    pub(crate) sampled: Option<bool>,
    pub(crate) entries: &'a Entries,
}

/// `ot` after extract, given its value before.
#[track_caller]
pub(crate) fn assert_extracted(before: Option<&str>, after: Option<&str>, of: &Continued<'_>) {
    let Continued { trace_id, sampled, entries } = of;
    let context = || format!("{after:?} of {before:?}, {of:?}");
    let rate = reader::sample_rate(entries);
    // For sums that six digits cannot express and clamped rates, only the invariants hold.
    if rate.is_some_and(|rate| rate > 0.0 && rate < 1e-15 || rate > 0.999_999 && rate < 1.0) {
        return;
    }
    let decision = sampled.zip(rate);
    let is_possible =
        decision.map_or(
            true,
            |(sampled, rate)| {
                if sampled {
                    boundary(rate) > 0
                } else {
                    boundary(rate) < MICROS
                }
            },
        );
    let rand = reader::sample_rand(entries)
        .filter(|rand| decision.map_or(true, |(sampled, rate)| (*rand < rate) == sampled));
    let holds = holding(trace_id, before, *sampled == Some(true));
    let was = rv(before);
    let is = rv(after);
    match (was, rand) {
        // `rv` is never overwritten.
        (Some(_), _) => assert_eq!(is, was, "{}", context()),
        (None, _) if holds.is_some() => assert_eq!(is, None, "rv beside a th: {}", context()),
        (None, Some(rand)) if is_possible => {
            let own = randomness(trace_id, None);
            let micros_came = first_digits(rand);
            let is_implied = micros(own, decision) == micros_came
                && decision.map_or(true, |(sampled, rate)| (own >= threshold(rate)) == sampled);
            let added = randomness_of(micros_came, decision);
            let expected = (!is_implied).then_some(added);
            assert_eq!(is, expected, "implied: {is_implied}, {}", context());
        }
        _ => {}
    }
    let after_randomness = randomness(trace_id, after);
    let expected = match (holds, decision) {
        (Some(threshold), _) => Some(threshold),
        (None, Some((true, rate))) if kept(rate) > 0 => {
            Some(threshold(rate)).filter(|threshold| after_randomness >= *threshold)
        }
        _ => None,
    };
    let found =
        field(after, "th").map(|th| parse_th(th).unwrap_or_else(|| panic!("{}", context())));
    assert_eq!(found, expected, "th, {}", context());
    assert_rest(before, after);
}

/// `ot` without a Sentry claim: a `th` that does not hold is removed, everything else stays.
#[track_caller]
pub(crate) fn assert_kept(
    before: Option<&str>,
    after: Option<&str>,
    trace_id: &str,
    sampled: bool,
) {
    let holds = holding(trace_id, before, sampled);
    let found = field(after, "th").and_then(parse_th);
    assert_eq!(found, holds, "th, {after:?} of {before:?}, {trace_id}, {sampled}");
    assert_eq!(rv(after), rv(before), "rv, {after:?} of {before:?}");
    assert_rest(before, after);
}

/// Below a span of our sampler. `local` is the rate that the sampler applied.
#[track_caller]
pub(crate) fn assert_started(
    parent: Option<&str>,
    span: Option<&str>,
    trace_id: &str,
    sampled: bool,
    local: Option<f64>,
) {
    let context = || format!("{span:?} of {parent:?}, {trace_id}, {sampled}, {local:?}");
    if rv(parent).is_some() {
        assert_eq!(rv(span), rv(parent), "rv, {}", context());
    }
    let randomness = randomness(trace_id, span);
    let threshold = match local {
        Some(rate) => Some(threshold(rate)).filter(|_| sampled && kept(rate) > 0),
        None => holding(trace_id, parent, sampled),
    };
    let expected = threshold.filter(|threshold| randomness >= *threshold).map(print_th);
    match local {
        Some(_) => assert_eq!(field(span, "th"), expected.as_deref(), "th, {}", context()),
        None => {
            let found = field(span, "th").and_then(parse_th).map(print_th);
            assert_eq!(found, expected, "th, {}", context());
        }
    }
    assert_rest(parent, span);
}

/// Other valid sub-keys are kept in order while they fit.
#[track_caller]
fn assert_rest(before: Option<&str>, after: Option<&str>) {
    let rest = |ot: Option<&str>| -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for field in ot.unwrap_or_default().split(';').map(str::trim_end) {
            let Some((key, value)) = field.split_once(':') else { continue };
            let is_plain =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
            let is_new = known.iter().all(|field| !field.starts_with(&format!("{key}:")));
            if is_new && is_plain(key) && is_plain(value) && key != "th" && key != "rv" {
                known.push(field.to_owned());
            }
        }
        known
    };
    if before.unwrap_or_default().len() < 200 {
        assert_eq!(rest(after), rest(before), "{after:?} of {before:?}");
    }
}

/// A head's numbers: R decides, and `sample_rand` is derived from R.
#[track_caller]
pub(crate) fn assert_head(
    trace_id: &str,
    rate: f64,
    sampled: bool,
    ot: Option<&str>,
    dsc: &Entries,
) {
    let own = randomness(trace_id, None);
    assert_eq!(sampled, own >= threshold(rate), "{trace_id} at {rate}");
    assert_eq!(field(ot, "rv"), None, "{trace_id} at {rate}: {ot:?}");
    let expected = sampled.then(|| print_th(threshold(rate)));
    assert_eq!(field(ot, "th"), expected.as_deref(), "{trace_id} at {rate}");
    if dsc.is_empty() {
        return;
    }
    let rand = format!("0.{:06}", micros(own, Some((sampled, rate))));
    assert_eq!(reader::value(dsc, "sample_rand"), Some(&*rand), "{trace_id} at {rate}");
    assert_eq!(reader::value(dsc, "sample_rate"), Some(&*rate.to_string()), "{trace_id}");
    assert_eq!(reader::value(dsc, "sampled"), Some(&*sampled.to_string()), "{trace_id}");
}

/// A remote trace state that passed without a Sentry claim: valid, without our member, otherwise
/// unchanged.
#[track_caller]
pub(crate) fn assert_passed(before: &str, after: &str, trace_id: &str, sampled: bool) {
    if let Err(fault) = super::w3c::tracestate(after) {
        panic!("{fault} in {after:?} of {before:?}");
    }
    let members = |list: &str| -> Vec<String> {
        let mut known: Vec<(String, String)> = Vec::new();
        for member in list.split(',') {
            for (key, value) in super::w3c::tracestate(member).unwrap_or_default() {
                if known.iter().all(|(other, _)| *other != key) && !is_ours(&key) {
                    known.push((key, value));
                }
            }
        }
        let others = known.into_iter().filter(|(key, _)| key != "ot");
        others.map(|(key, value)| format!("{key}={value}")).collect()
    };
    assert_eq!(members(after), members(before), "{after:?} of {before:?}");
    let has_ours = after.split(',').any(|m| is_ours(m.split('=').next().unwrap_or_default()));
    assert!(!has_ours, "{after:?}");
    assert_kept(ot(before).as_deref(), ot(after).as_deref(), trace_id, sampled);
}

#[test]
fn the_numbers_are_those_of_the_specification() {
    let rows = [
        (1.0, "0"),
        (0.5, "8"),
        (0.25, "c"),
        (0.1, "e6666666666666"),
        (1.0 / 3.0, "aaaaaaaaaaaaac"),
        (1e-6, "ffffef39085f4a"),
    ];
    for (rate, digits) in rows {
        assert_eq!(print_th(threshold(rate)), digits, "{rate}");
        assert_eq!(parse_th(digits), Some(threshold(rate)), "{rate}");
    }
    assert_eq!((kept(0.0), kept(1e-300), kept(f64::from_bits(1))), (0, 0, 0));
    assert_eq!((first_digits(0.000_001), first_digits(0.999_999)), (1, 999_999));
    assert_eq!((first_digits(0.785_811_999), first_digits(0.0)), (785_811, 0));
    // A `sample_rand` maps to a randomness that implies it.
    for micros_came in [0, 1, 7, 499_999, 500_000, 999_999] {
        assert_eq!(micros(randomness_of(micros_came, None), None), micros_came);
    }
}
