//! A carrier for request headers that already hold some of what is injected.

use std::borrow::Cow;
use std::fmt;

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_http::HeaderInjector;

use crate::carrier::ascii_line::ascii_line;
use crate::text::chars::{split_list, trim_ows};
use crate::wire::baggage::{
    header_text, is_plain, key, members, within_limit, BAGGAGE_HEADER, MAX_BAGGAGE_BYTES,
    MAX_BAGGAGE_MEMBERS,
};
use crate::wire::dsc_key::{is_sentry_key, SentryMembers};
use crate::wire::outgoing_baggage::OutgoingBaggage;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;

const BAGGAGE: HeaderName = HeaderName::from_static(BAGGAGE_HEADER);
const SENTRY_TRACE: HeaderName = HeaderName::from_static(SENTRY_TRACE_HEADER);

/// Like `opentelemetry_http::HeaderInjector`, but keeps the `baggage` that a request has.
///
/// If both have a key, the request's member stays. Setting `sentry-trace` removes the request's
/// `sentry-*` members, which belong to another trace. Set it first, as the propagators of this
/// crate do. There is never a second `sentry-trace`.
///
/// The result is one list without optional white space (spaces and tabs around keys, values and
/// properties), and with bytes outside ASCII percent-encoded. It keeps to the limits of
/// [W3C Baggage](https://www.w3.org/TR/baggage/#limits), 8192 bytes and 64 members: first the injected
/// Sentry members, then the request's, then the others, whole members only. Only the first 8192
/// bytes of the request's own lines are read. The rest is dropped, because it was not searched for
/// stale `sentry-*`.
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
///
/// Guide: [HTTP clients](crate::_documentation::custom_instrumentation#http-clients).
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
            self.remove_sentry_members();
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
        let (sentry, others): (Vec<Cow<'_, str>>, Vec<Cow<'_, str>>) =
            members(injected).map(without_spaces).partition(|member| is_sentry_key(member));
        if sentry.is_empty() && others.is_empty() {
            return;
        }
        let keeps_sentry = sentry.is_empty();
        let list = header_text(&sentry.join(",")).into_owned();
        self.write(SentryMembers { list, count: sentry.len() }, &others, keeps_sentry);
    }

    /// Takes out the request's `sentry-*`, and what is over the limit of bytes; else it stays as it
    /// is.
    pub(crate) fn remove_sentry_members(&mut self) {
        let lines = lines(self.0);
        let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
        let has_sentry = || lines.iter().flat_map(|line| members(line)).any(is_sentry_key);
        if bytes <= MAX_BAGGAGE_BYTES + 1 && !has_sentry() {
            return;
        }
        let read = within_limit(lines.iter().map(|line| &**line)).flat_map(members);
        let own = read.filter(|member| !is_sentry_key(member));
        let list = own.map(without_spaces).collect::<Vec<_>>().join(",");
        self.replace(Some(list));
    }

    /// Writes one list: the request's own members, as far as they are read, others whose keys it
    /// does not have, and Sentry's.
    fn write(&mut self, sentry: SentryMembers, others: &[Cow<'_, str>], keeps_sentry: bool) {
        let mut list = OutgoingBaggage::before(sentry);
        let mut keys: Vec<String> = Vec::new();
        let lines = lines(self.0);
        for member in within_limit(lines.iter().map(|line| &**line)).flat_map(members) {
            let member = without_spaces(member);
            if (keeps_sentry || !is_sentry_key(&member)) && fits(&mut list, &member) {
                keys.push(sent_key(&member));
            }
        }
        for member in others.iter().filter(|member| !keys.contains(&sent_key(member))) {
            list.push_as_is(member);
        }
        self.replace(list.finish());
    }

    /// Puts one line, or none, in the place of the request's own.
    fn replace(&mut self, list: Option<String>) {
        let list = list.filter(|list| !list.is_empty());
        match list.and_then(|list| HeaderValue::try_from(list).ok()) {
            Some(list) => self.0.insert(BAGGAGE, list),
            None => self.0.remove(BAGGAGE),
        };
    }
}

/// A request's `baggage` lines as text: those that start within the limit of bytes, each cut one
/// byte behind it.
fn lines(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let mut read = 0;
    let lines = headers.get_all(BAGGAGE).iter().map_while(|line| {
        let line = line.as_bytes();
        let line = ascii_line(line.get(..=MAX_BAGGAGE_BYTES).unwrap_or(line));
        let is_within = read <= MAX_BAGGAGE_BYTES;
        // An empty line counts as one byte: there may be many.
        read += line.len().max(1);
        is_within.then_some(line)
    });
    lines.collect()
}

/// Appends a member if there is room for it.
fn fits(list: &mut OutgoingBaggage, member: &str) -> bool {
    list.overflowed = false;
    list.push_as_is(member);
    !list.overflowed
}

/// The key of a member, as sent.
fn sent_key(member: &str) -> String {
    header_text(key(member)).into_owned()
}

/// A member without the white space that is optional in W3C Baggage.
///
/// ```text
/// list-member = key OWS "=" OWS value *( OWS ";" OWS property )
/// property    = key OWS "=" OWS value / key
/// ```
fn without_spaces(member: &str) -> Cow<'_, str> {
    if !member.contains([' ', '\t']) {
        return Cow::Borrowed(member);
    }
    let mut tight = String::with_capacity(member.len());
    for (index, part) in member.split(';').enumerate() {
        if index > 0 {
            tight.push(';');
        }
        match part.split_once('=') {
            Some((key, value)) => tight.extend([trim_ows(key), "=", trim_ows(value)]),
            None => tight.push_str(trim_ows(part)),
        }
    }
    Cow::Owned(tight)
}

/// Whether merging a list with nothing would leave it unchanged: so with the lists that this crate's
/// propagators write.
fn is_merged(list: &str) -> bool {
    let mut is_behind = false;
    let is_in_place = |(place, member): (usize, &str)| {
        let is_sentry = is_sentry_key(member);
        let is_in_order = is_sentry || !is_behind;
        is_behind = is_sentry;
        !member.is_empty() && is_in_order && place <= MAX_BAGGAGE_MEMBERS
    };
    list.len() <= MAX_BAGGAGE_BYTES
        && is_plain(list)
        && (1..).zip(split_list(list, b',')).all(is_in_place)
}

/// Shows only the headers' names: their values may be secret.
impl fmt::Debug for MergingInjector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MergingInjector ")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}
