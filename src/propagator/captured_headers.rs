//! Catches what the propagator inside `WrappedPropagator` writes, so that it can be changed before
//! it is sent.

use opentelemetry::propagation::Injector;

use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::{TRACEPARENT_HEADER, TRACESTATE_HEADER};

/// The inner propagator's headers: the last value of each name.
#[derive(Default)]
pub(crate) struct CapturedHeaders {
    pub(crate) baggage: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
    pub(crate) others: Vec<(String, String)>,
}

impl Injector for CapturedHeaders {
    fn set(&mut self, key: &str, value: String) {
        // Common case: lower case. Equality is a cheaper test.
        let key_is = |name: &str| key == name || key.eq_ignore_ascii_case(name);
        if key_is(TRACEPARENT_HEADER) {
            self.traceparent = Some(value);
        } else if key_is(TRACESTATE_HEADER) {
            self.tracestate = Some(value);
        } else if key_is(BAGGAGE_HEADER) {
            self.baggage = Some(value);
        } else if key_is(SENTRY_TRACE_HEADER) {
            // Discarded: only this crate writes it.
        } else {
            match self.others.iter_mut().find(|(known, _)| key_is(known)) {
                Some((_, old)) => *old = value,
                None => self.others.push((key.to_owned(), value)),
            }
        }
    }
}
