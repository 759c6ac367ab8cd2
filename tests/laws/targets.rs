//! Which URLs get trace headers.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sentry::{OutgoingUrlExt, PropagationTargets, Sentry};

use super::choices::{Choices, CHOICES};
use super::ids::{DSN, SPAN_ID, TRACE_ID};
use super::request::Headers;
use super::{reader, sound};

const DSN_HOST: &str = "o1.ingest.sentry.io";

/// The URL, then the targets, in lines.
pub(crate) fn check(input: &[u8]) {
    let (url, targets) = match input.split_first() {
        Some((&CHOICES, rest)) => {
            let mut choices = Choices::new(rest);
            let url = choices.url();
            let targets = (0..choices.below(4)).map(|_| piece(&mut choices, &url)).collect();
            (url, targets)
        }
        _ => {
            let text = String::from_utf8_lossy(input);
            let mut lines = text.split('\n').map(str::to_owned);
            (lines.next().unwrap_or_default(), lines.collect::<Vec<String>>())
        }
    };
    let looked_at = &url.as_bytes()[..floor(&url, 8192)];
    let has_scheme = looked_at.windows(3).any(|window| window == b"://");
    let contains = |target: &String| {
        // A URL without a scheme is compared with the host and port of a text with the same start.
        let authority = target.split_once("://").map(|(_, rest)| rest);
        let authority = authority.and_then(|rest| rest.split(['/', '?', '#']).next());
        let authority = authority.filter(|authority| !has_scheme && !authority.is_empty());
        let target = authority.unwrap_or(target);
        let windows = looked_at.windows(target.len().max(1));
        let is_same = |window: &[u8]| window.eq_ignore_ascii_case(target.as_bytes());
        target.is_empty() || windows.into_iter().any(is_same)
    };
    let matches = targets.iter().any(contains);
    assert_eq!(PropagationTargets::new(&targets).matches(&url), matches, "{url:?}, {targets:?}");
    assert!(PropagationTargets::everywhere().matches(&url));

    let built = Sentry::builder().dsn(DSN).trace_propagation_targets(&targets).build();
    match built {
        Err(error) => {
            sound::assert_silent(&error);
            assert!(targets.iter().any(String::is_empty), "{targets:?}");
        }
        Ok(sentry) => {
            assert!(targets.iter().all(|target| !target.is_empty()), "{targets:?}");
            check_sent(&sentry, &url, matches);
        }
    }
    check_sent(&Sentry::builder().dsn(DSN).build().expect("settings"), &url, true);
}

/// The nearest character boundary at or before this index.
fn floor(text: &str, most: usize) -> usize {
    (0..=text.len().min(most)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

/// A text that the URL contains, or another one.
fn piece(choices: &mut Choices<'_>, url: &str) -> String {
    let characters: Vec<char> = url.chars().collect();
    let start = choices.below(characters.len() + 1);
    let len = choices.below(characters.len() + 1 - start);
    match choices.below(4) {
        0 => choices.url(),
        _ => characters[start..start + len].iter().collect(),
    }
}

fn check_sent(sentry: &Sentry, url: &str, matches: bool) {
    let trace = format!("{TRACE_ID}-{SPAN_ID}-1");
    let came = Headers::from([("sentry-trace".to_owned(), trace.clone())]);
    let propagator = sentry.propagator();
    let cx = propagator.extract(&came).with_outgoing_url(url);
    let mut sent = Headers::new();
    propagator.inject_context(&cx, &mut sent);
    let sent = sent.get("sentry-trace");
    assert!(sent.is_none() || sent == Some(&trace));
    // An address without a port is on the DSN's port.
    let address = || (!url.contains("://")).then(|| format!("https://{}", url.trim()));
    let destination = reader::destination(url.trim());
    let is_sentry = match destination.or_else(|| reader::destination(&address()?)) {
        Some((host, port)) => host == DSN_HOST && port == Some(443),
        // For other texts only this holds: a denied one names the host.
        None => sent.is_none() && url.to_ascii_lowercase().contains(DSN_HOST),
    };
    assert_eq!(sent.is_some(), matches && !is_sentry, "{url:?}");
}
