//! Headers merged into those of a request. The request's own members stay, byte for byte.
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

/// The request's lines; the last is what is injected.
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

    // Sentry's members are removed first, also from lines that are not text.
    let has_dsc = injected.split(',').any(|member| trim(member).starts_with("sentry-"));
    let kept: Vec<HeaderValue> = lines.iter().map(|line| kept(line, has_dsc)).collect();
    let texts: Vec<&str> = kept.iter().filter_map(|line| line.to_str().ok()).collect();
    let Some(expected) = merged(&texts, &injected) else {
        return;
    };
    if expected.is_empty() {
        // Nothing to send: the request keeps its headers, however long.
        assert!(headers.get_all("baggage").iter().eq(&lines), "{injected:?} into {texts:?}");
        return;
    }
    let sent: Vec<&HeaderValue> = headers.get_all("baggage").iter().collect();
    let mut sent_texts = sent.iter().filter_map(|value| value.to_str().ok());
    let list = sent_texts.next().unwrap_or_default();
    assert_eq!(list, expected, "{injected:?} into {texts:?}");
    assert_eq!(sent_texts.next(), None);
    for opaque in kept.iter().filter(|line| line.to_str().is_err()) {
        assert!(sent.contains(&opaque), "{opaque:?}");
    }
    if list.len() <= MAX_BYTES && list.split(',').count() <= MAX_MEMBERS {
        sound::assert_header_value("baggage", list);
    }
    check_wrapped(&lines, &injected);
}

/// The same list as the context's own baggage, with its metadata, through `wrap` around the stock
/// propagator: its members, and none beside, are merged into the request's.
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
    // Within the limits, where none has to make room.
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
    if let Some(expected) = merged(&texts, own).filter(|_| !own.is_empty()) {
        let found = headers.get("baggage").and_then(|line| line.to_str().ok()).unwrap_or_default();
        // The order of OTel's own baggage is not fixed.
        let sorted = |list: &str| {
            let mut members: Vec<String> = list.split(',').map(str::to_owned).collect();
            members.sort();
            members
        };
        assert_eq!(sorted(found), sorted(&expected), "{own:?} into {texts:?}");
    }
}

/// A line without its Sentry members.
fn kept(line: &HeaderValue, has_dsc: bool) -> HeaderValue {
    let text = |member: &&[u8]| String::from_utf8_lossy(member).into_owned();
    let members = line.as_bytes().split(|byte| *byte == b',');
    let kept: Vec<&[u8]> =
        members.filter(|m| !has_dsc || !trim(&text(m)).starts_with("sentry-")).collect();
    HeaderValue::from_bytes(&kept.join(&b',')).expect("what was a header value")
}

/// `None` if the injected list is longer than a propagator writes.
fn merged(lines: &[&str], injected: &str) -> Option<String> {
    let members = |list: &str| -> Vec<String> {
        list.split(',').map(|m| trim(m).to_owned()).filter(|m| !m.is_empty()).collect()
    };
    let is_sentry = |member: &String| member.starts_with("sentry-");
    let (sentry, others): (Vec<String>, Vec<String>) =
        members(injected).into_iter().partition(is_sentry);
    let dsc = reader::sendable(&sentry.join(","));
    if dsc.len() > MAX_BYTES || sentry.len() > MAX_MEMBERS {
        return None;
    }
    let has_dsc = !dsc.is_empty();
    let own: Vec<String> = lines.iter().flat_map(|line| members(line)).collect();
    let key = |member: &str| match member.split_once('=') {
        Some((key, _)) => trim(key).to_owned(),
        None => String::new(),
    };
    let keys: Vec<String> = own.iter().map(|member| key(member)).collect();
    let added = others.into_iter().filter(|member| !keys.contains(&key(member)));
    let mut list: Vec<String> = Vec::new();
    let (mut bytes, mut count) = (dsc.len() + usize::from(has_dsc), sentry.len());
    for member in own.iter().cloned().chain(added) {
        let member = reader::sendable(&member);
        let comma = usize::from(!list.is_empty());
        if count < MAX_MEMBERS && bytes + comma + member.len() <= MAX_BYTES {
            bytes += comma + member.len();
            count += 1;
            list.push(member);
        }
    }
    list.extend(Some(dsc).filter(|dsc| !dsc.is_empty()));
    Some(list.join(","))
}
