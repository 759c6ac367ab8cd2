//! A carrier for request headers that already hold some of what is injected.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::Injector;
use opentelemetry_http::HeaderInjector;

use crate::ascii::trim_ows;
use crate::baggage::{key, OutgoingList, BAGGAGE_HEADER};
use crate::dsc::is_sentry_key;
use crate::sentry_trace::SENTRY_TRACE_HEADER;

const BAGGAGE: HeaderName = HeaderName::from_static(BAGGAGE_HEADER);

/// Like [`opentelemetry_http::HeaderInjector`], but keeps the `baggage` that a request has.
///
/// Of a key that is there already, the request's member stays; its `sentry-*` members go when a
/// `sentry-trace` is set, as they belong to that header's trace. There is never a second
/// `sentry-trace`. Within W3C Baggage's limits the injected Sentry members come first.
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
#[derive(Debug)]
pub struct MergingInjector<'a>(pub &'a mut HeaderMap);

impl Injector for MergingInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            let stays = !members(&value).any(is_sentry_key);
            return self.merge_baggage(&value, |member| stays || !is_sentry_key(member));
        }
        if key.eq_ignore_ascii_case(SENTRY_TRACE_HEADER) {
            self.merge_baggage("", |member| !is_sentry_key(member));
        }
        HeaderInjector(self.0).set(key, value);
    }

    fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }
}

impl MergingInjector<'_> {
    fn merge_baggage(&mut self, injected: &str, stays: impl Fn(&str) -> bool) {
        let lines: Vec<HeaderValue> = self.0.get_all(BAGGAGE).iter().cloned().collect();
        let (sentry, others): (Vec<&str>, Vec<&str>) =
            members(injected).partition(|member| is_sentry_key(member));
        let sentry = sentry.join(",");
        let mut list = OutgoingList::before(&sentry);
        let mut keys = Vec::new();
        let readable = lines.iter().filter_map(|line| line.to_str().ok());
        for member in readable.flat_map(members).filter(|member| stays(member)) {
            list.push_as_is(member);
            keys.push(key(member));
        }
        for member in others.into_iter().filter(|member| !keys.contains(&key(member))) {
            list.push_as_is(member);
        }
        self.0.remove(BAGGAGE);
        if let Some(merged) = list.finish(sentry) {
            HeaderInjector(self.0).set(BAGGAGE_HEADER, merged);
        }
        // What is no text cannot be taken apart; it is not ours to drop.
        for line in lines.into_iter().filter(|line| line.to_str().is_err()) {
            self.0.append(BAGGAGE, line);
        }
    }
}

fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(trim_ows).filter(|member| !member.is_empty())
}
