//! What the propagator inside `WrappedPropagator` sees of a request.

use std::cell::OnceCell;

use opentelemetry::propagation::Extractor;

use crate::text::chars::{split_list, trim_ows};
use crate::wire::baggage::{within_limit, BAGGAGE_HEADER};
use crate::wire::dsc_key::is_sentry_key;
use crate::wire::traceparent::TRACESTATE_HEADER;

/// A request in which `baggage` and `tracestate` are one line each, `baggage` has no `sentry-*`, and
/// some headers are hidden.
pub(crate) struct FilteredExtractor<'a> {
    extractor: &'a dyn Extractor,
    hidden: Vec<&'a str>,
    // Computed when first read: many inner propagators read neither.
    baggage: OnceCell<Option<String>>,
    tracestate: OnceCell<Option<String>>,
}

impl<'a> FilteredExtractor<'a> {
    /// Hides these headers, but never `baggage`, which does not identify a trace.
    pub(crate) fn new(extractor: &'a dyn Extractor, hidden: Vec<&'a str>) -> Self {
        FilteredExtractor {
            extractor,
            hidden,
            baggage: OnceCell::new(),
            tracestate: OnceCell::new(),
        }
    }

    fn baggage(&self) -> Option<&str> {
        let list_without_sentry = || {
            let lines = self.extractor.get_all(BAGGAGE_HEADER)?;
            let members = within_limit(lines).flat_map(|line| split_list(line, b','));
            let foreign = members.filter(|member| !is_sentry_key(trim_ows(member)));
            let list = join_members(foreign);
            (!list.is_empty()).then_some(list)
        };
        self.baggage.get_or_init(list_without_sentry).as_deref()
    }

    fn tracestate(&self) -> Option<&str> {
        let first = self.extractor.get(TRACESTATE_HEADER);
        let joined = || {
            let lines = self.extractor.get_all(TRACESTATE_HEADER)?;
            // In some carriers `get` returns nothing if the first line is not text, and `get_all`
            // finds the others. A single line stays as `first`.
            (lines.len() > 1 || first.is_none()).then(|| join_members(lines.into_iter()))
        };
        self.tracestate.get_or_init(joined).as_deref().or(first)
    }

    fn is_hidden(&self, key: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(key))
    }
}

fn join_members<'a>(members: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for (index, member) in members.enumerate() {
        if index > 0 {
            list.push(',');
        }
        list.push_str(member);
    }
    list
}

impl Extractor for FilteredExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            self.baggage()
        } else if self.is_hidden(key) {
            None
        } else if key.eq_ignore_ascii_case(TRACESTATE_HEADER) {
            self.tracestate()
        } else {
            self.extractor.get(key)
        }
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let is_joined = [BAGGAGE_HEADER, TRACESTATE_HEADER]
            .iter()
            .any(|joined| key.eq_ignore_ascii_case(joined));
        if is_joined {
            self.get(key).map(|list| vec![list])
        } else if self.is_hidden(key) {
            None
        } else {
            self.extractor.get_all(key)
        }
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys = self.extractor.keys();
        keys.retain(|key| match key.eq_ignore_ascii_case(BAGGAGE_HEADER) {
            true => self.baggage().is_some(),
            false => !self.is_hidden(key),
        });
        keys
    }
}
