//! A carrier for request headers that already hold some of what is injected.

use std::fmt;

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_http::HeaderInjector;

use crate::wire::baggage::{
    header_text, is_plain, key, members, BAGGAGE_HEADER, MAX_BAGGAGE_MEMBERS,
};
use crate::wire::dsc_key::{is_sentry_key, PREFIX};
use crate::wire::outgoing_baggage::OutgoingBaggage;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;

const BAGGAGE: HeaderName = HeaderName::from_static(BAGGAGE_HEADER);
const SENTRY_TRACE: HeaderName = HeaderName::from_static(SENTRY_TRACE_HEADER);

/// Like [`opentelemetry_http::HeaderInjector`], but keeps the `baggage` that a request has.
///
/// Of a key that is there already, the request's member stays; its `sentry-*` members go when a
/// `sentry-trace` is set, as they belong to that header's trace: `sentry-trace` is to be set first,
/// as the propagators of this crate do. There is never a second `sentry-trace`. Within the limits
/// of W3C Baggage the injected Sentry members come first, then the request's, then the others.
///
/// ```
/// use http::HeaderMap;
/// use opentelemetry::propagation::Injector;
/// use opentelemetry_sentry::MergingInjector;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("baggage", "tenant=7,sentry-release=old".parse()?);
/// let mut carrier = MergingInjector(&mut headers);
/// carrier.set("baggage", "sentry-release=new".to_owned());
/// assert_eq!(headers["baggage"], "tenant=7,sentry-release=new");
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub struct MergingInjector<'a>(pub &'a mut HeaderMap);

impl Injector for MergingInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            match self.0.try_entry(BAGGAGE) {
                Ok(Entry::Vacant(baggage)) if is_merged(&value) => {
                    if let Ok(value) = HeaderValue::try_from(value) {
                        baggage.insert(value);
                    }
                }
                _ => self.merge_baggage(&value),
            }
        } else if key.eq_ignore_ascii_case(SENTRY_TRACE_HEADER) {
            self.drop_sentry_members();
            // Without a copy of the name or the value.
            if let Ok(value) = HeaderValue::try_from(value) {
                self.0.insert(SENTRY_TRACE, value);
            }
        } else {
            HeaderInjector(self.0).set(key, value);
        }
    }

    fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }
}

impl MergingInjector<'_> {
    fn merge_baggage(&mut self, injected: &str) {
        let (sentry, others): (Vec<&str>, Vec<&str>) =
            members(injected).partition(|member| is_sentry_key(member));
        if !sentry.is_empty() {
            self.drop_sentry_members();
        }
        let lines: Vec<HeaderValue> = self.0.get_all(BAGGAGE).iter().cloned().collect();
        let sentry = header_text(&sentry.join(",")).into_owned();
        let mut list = OutgoingBaggage::before(sentry);
        let mut keys = Vec::new();
        for member in lines.iter().filter_map(|line| line.to_str().ok()).flat_map(members) {
            list.push_as_is(member);
            keys.push(key(member));
        }
        for member in others.into_iter().filter(|member| !keys.contains(&key(member))) {
            list.push_as_is(member);
        }
        // What is no text cannot be compared; it is not ours to drop.
        let opaque = lines.iter().filter(|line| line.to_str().is_err()).cloned();
        let merged = list.finish().and_then(|list| HeaderValue::try_from(list).ok());
        if let Some(merged) = merged {
            let lines: Vec<HeaderValue> = [merged].into_iter().chain(opaque).collect();
            self.replace_baggage(lines);
        }
    }

    /// Takes out the request's `sentry-*`, and nothing else.
    fn drop_sentry_members(&mut self) {
        let is_sentry = |member: &&[u8]| {
            let key = member.iter().position(|b| *b != b' ' && *b != b'\t');
            key.and_then(|key| member.get(key..)).is_some_and(|m| m.starts_with(PREFIX.as_bytes()))
        };
        let lines: Vec<HeaderValue> = self.0.get_all(BAGGAGE).iter().cloned().collect();
        let has_sentry =
            |line: &HeaderValue| line.as_bytes().split(|b| *b == b',').any(|m| is_sentry(&m));
        if !lines.iter().any(has_sentry) {
            return;
        }
        let kept = lines.into_iter().filter_map(|line| {
            if !has_sentry(&line) {
                return Some(line);
            }
            let members = line.as_bytes().split(|byte| *byte == b',');
            let kept: Vec<&[u8]> = members.filter(|member| !is_sentry(member)).collect();
            HeaderValue::from_bytes(&kept.join(&b',')).ok().filter(|line| !line.is_empty())
        });
        let kept: Vec<HeaderValue> = kept.collect();
        self.replace_baggage(kept);
    }

    fn replace_baggage(&mut self, lines: impl IntoIterator<Item = HeaderValue>) {
        self.0.remove(BAGGAGE);
        for line in lines {
            self.0.append(BAGGAGE, line);
        }
    }
}

/// Whether a list is what merging it with nothing would give, as a propagator of this crate's is.
fn is_merged(list: &str) -> bool {
    if !is_plain(list) {
        return false;
    }
    let (mut count, mut is_behind) = (0, false);
    for member in list.split(',') {
        let is_sentry = is_sentry_key(member);
        if member.is_empty() || (is_behind && !is_sentry) {
            return false;
        }
        is_behind = is_sentry;
        count += 1;
    }
    count <= MAX_BAGGAGE_MEMBERS
}

/// Shows the headers' names: their values are somebody's secrets.
impl fmt::Debug for MergingInjector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MergingInjector ")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}
