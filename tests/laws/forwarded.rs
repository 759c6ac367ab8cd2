//! The allowed changes to a DSC in a service that adds nothing.

use super::reader::{sample_rand, sample_rate, value, Entries, Trace, MAX_MEMBERS};
use super::request::Request;

/// The maximum length of one packed DSC.
const ROOM: usize = 1024;

/// The keys with a one-letter code.
const KNOWN: [&str; 10] = [
    "trace_id",
    "public_key",
    "sample_rate",
    "sample_rand",
    "sampled",
    "release",
    "environment",
    "transaction",
    "replay_id",
    "org_id",
];

/// `sent` equals the incoming DSC, except for a missing `sample_rand` and for entries that don't
/// fit.
#[track_caller]
pub(crate) fn assert_forwarded(
    trace: &Trace,
    came: &Entries,
    sent: &Entries,
    has_room: bool,
    of: &Request,
) {
    let mut full = came.clone();
    let rate = sample_rate(came);
    if !came.is_empty() && sample_rand(came).is_none() && can_be_filled(trace.sampled, rate) {
        // Everything was dropped, so there is nothing to compare.
        let filled = value(sent, "sample_rand").unwrap_or("0.000000").to_owned();
        match full.iter_mut().find(|(key, _)| key == "sample_rand") {
            Some((_, old)) => *old = filled.clone(),
            None => full.push(("sample_rand".to_owned(), filled.clone())),
        }
        if !sent.is_empty() {
            assert_filled(&filled, trace.sampled, rate);
        }
    }
    let mut candidate = full.clone();
    loop {
        if *sent == candidate {
            return;
        }
        let fits = bytes(&candidate) <= ROOM && candidate.len() <= MAX_MEMBERS;
        assert!(!fits || !has_room, "sent {sent:?}\nof {full:?}\nof {trace:?}\nof {of:?}");
        if !drop_entry(&mut candidate) {
            break;
        }
    }
    assert!(sent.is_empty(), "sent {sent:?}\nof {full:?}\nof {trace:?}\nof {of:?}");
}

/// Whether six digits can express a number that agrees with the decision.
fn can_be_filled(sampled: Option<bool>, rate: Option<f64>) -> bool {
    match (sampled, rate) {
        (Some(true), Some(rate)) => rate > 0.0,
        (Some(false), Some(rate)) => rate <= 0.999_999,
        _ => true,
    }
}

#[track_caller]
fn assert_filled(rand: &str, sampled: Option<bool>, rate: Option<f64>) {
    let digits = rand.strip_prefix("0.").unwrap_or_default();
    assert!(digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()), "{rand}");
    if let (Some(sampled), Some(rate)) = (sampled, rate) {
        let number: f64 = rand.parse().expect("six digits");
        assert_eq!(number < rate, sampled, "{rand} at {rate}");
    }
}

/// A lower bound for the packed size, with a code and a length for each text.
fn bytes(entries: &Entries) -> usize {
    let entry = |(key, value): &(String, String)| match KNOWN.contains(&key.as_str()) {
        true => value.len() + 4,
        false => key.len() + value.len() + 8,
    };
    3 + entries.iter().map(entry).sum::<usize>()
}

fn drop_entry(entries: &mut Entries) -> bool {
    let unknown = entries.iter().rposition(|(key, _)| !KNOWN.contains(&key.as_str()));
    let place = |wanted: &str| entries.iter().position(|(key, _)| key == wanted);
    let spared = ["transaction", "replay_id", "environment", "release"];
    let at = unknown.or_else(|| spared.into_iter().find_map(place));
    at.map(|at| entries.remove(at)).is_some()
}
