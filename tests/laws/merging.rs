//! Headers merged into those of a request: the request's own members stay, within the limits.
#![cfg(feature = "http")]

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::BaggagePropagator;
use opentelemetry_sentry::{MergingInjector, SentryPropagator};

use super::choices::{Choices, CHOICES};
use super::reader::{self, trim, MAX_BYTES, MAX_MEMBERS};
use super::{own, sound};

/// The lines of the request. The last line is injected.
pub(crate) fn check(input: &[u8]) {
    let mut lines: Vec<Vec<u8>> = match input.split_first() {
        Some((&CHOICES, rest)) => {
            let mut choices = Choices::new(rest);
            (0..1 + choices.below(3)).map(|_| choices.baggage().into_bytes()).collect()
        }
        _ => input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
    };
    let injected = String::from_utf8_lossy(&lines.pop().unwrap_or_default()).into_owned();
    let lines: Vec<HeaderValue> =
        lines.into_iter().filter_map(|line| HeaderValue::from_bytes(&line).ok()).collect();
    let mut headers = HeaderMap::new();
    for line in &lines {
        headers.append("baggage", line.clone());
    }
    let mut carrier = MergingInjector(&mut headers);
    let shown = format!("{carrier:?}");
    assert!(["MergingInjector []", "MergingInjector [\"baggage\"]"].contains(&&*shown), "{shown}");
    carrier.set("baggage", injected.clone());

    if members(&injected).is_empty() {
        // Without headers to send, the request's lines stay, regardless of their length.
        assert!(headers.get_all("baggage").iter().eq(&lines), "{injected:?} into {lines:?}");
        return;
    }
    let Some(expected) = merged(&lines, &injected) else {
        return;
    };
    let sent: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
    let expected: Vec<&String> = [&expected].into_iter().filter(|list| !list.is_empty()).collect();
    assert_eq!(sent, expected, "{injected:?} into {lines:?}");
    for list in expected {
        sound::assert_header_value("baggage", list);
    }
    let once = headers.clone();
    MergingInjector(&mut headers).set("baggage", injected.clone());
    assert_eq!(headers, once, "{injected:?} into {lines:?}, twice");
    check_wrapped(&lines, &injected);
}

/// The same list as the context's own baggage, with its metadata, through `wrap` around the stock
/// propagator: exactly its members are merged into the request's.
fn check_wrapped(lines: &[HeaderValue], injected: &str) {
    let came = HashMap::from([("baggage".to_owned(), injected.to_owned())]);
    let cx = BaggagePropagator::new().extract_with_context(&Context::new(), &came);
    let wrapped = SentryPropagator::new().wrap(BaggagePropagator::new());
    let mut sent = HashMap::new();
    wrapped.inject_context(&cx, &mut sent);
    let own = sent.get("baggage").map_or("", String::as_str);
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum::<usize>() + 3 * injected.len();
    let texts: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
    let count = texts.iter().map(|line| line.split(',').count()).sum::<usize>();
    // Below the limits, where no member is displaced.
    if bytes > 6000 || count + cx.baggage().len() > 60 || texts.len() < lines.len() {
        return;
    }
    if let Some(fault) = own::fault(&sent, &cx) {
        panic!("{fault} of {:?}", cx.baggage());
    }
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("baggage", line.clone());
    }
    wrapped.inject_context(&cx, &mut MergingInjector(&mut headers));
    if let Some(expected) = merged(lines, own).filter(|_| !own.is_empty()) {
        let found = headers.get("baggage").and_then(|line| line.to_str().ok()).unwrap_or_default();
        // OTel's baggage has no fixed order.
        let sorted = |list: &str| {
            let mut members: Vec<String> = list.split(',').map(str::to_owned).collect();
            members.sort();
            members
        };
        assert_eq!(sorted(found), sorted(&expected), "{own:?} into {texts:?}");
    }
}

/// Whole members, without W3C Baggage's optional white space.
fn members(list: &str) -> Vec<String> {
    let tight = |part: &str| match part.split_once('=') {
        Some((key, value)) => format!("{}={}", trim(key), trim(value)),
        None => trim(part).to_owned(),
    };
    let member = |member: &str| member.split(';').map(tight).collect::<Vec<_>>().join(";");
    list.split(',').map(trim).filter(|m| !m.is_empty()).map(member).collect()
}

/// The request's members that end within the limit of the joined lines.
fn read(lines: &[HeaderValue]) -> Vec<String> {
    let lines: Vec<String> = lines.iter().map(|line| reader::ascii(line.as_bytes())).collect();
    let mut end = 0;
    let joined = lines.join(",");
    let within = joined.split(',').take_while(|member| {
        end += member.len() + 1;
        end - 1 <= MAX_BYTES
    });
    within.flat_map(members).collect()
}

/// `None` if the injected list is longer than a propagator writes.
fn merged(lines: &[HeaderValue], injected: &str) -> Option<String> {
    let is_sentry = |member: &String| member.starts_with("sentry-");
    let (sentry, others): (Vec<String>, Vec<String>) =
        members(injected).into_iter().partition(is_sentry);
    let dsc = reader::sendable(&sentry.join(","));
    if dsc.len() > MAX_BYTES || sentry.len() > MAX_MEMBERS {
        return None;
    }
    let own = read(lines).into_iter().filter(|m| sentry.is_empty() || !is_sentry(m));
    let key = |member: &str| match member.split_once('=') {
        Some((key, _)) => trim(key).to_owned(),
        None => String::new(),
    };
    let (mut list, mut keys): (Vec<String>, Vec<String>) = Default::default();
    let (mut bytes, mut count) = (dsc.len() + usize::from(!dsc.is_empty()), sentry.len());
    for (is_own, member) in own.map(|m| (true, m)).chain(others.into_iter().map(|m| (false, m))) {
        let member = reader::sendable(&member);
        let comma = usize::from(!list.is_empty());
        let has_room = count < MAX_MEMBERS && bytes + comma + member.len() <= MAX_BYTES;
        if has_room && (is_own || !keys.contains(&key(&member))) {
            bytes += comma + member.len();
            count += 1;
            keys.extend(is_own.then(|| key(&member)));
            list.push(member);
        }
    }
    list.extend((!dsc.is_empty()).then_some(dsc));
    Some(list.join(","))
}
