//! Makes the operation of a scenario and checks that it works.

use crate::operation::Operation;
use crate::scenario::{Propagator, Scenario};
use crate::{expected, operation, sentry_opentelemetry};

impl Scenario {
    /// Returns the operation after checking its result once.
    ///
    /// # Panics
    ///
    /// If the result is not the expected one: a failing path must not be measured.
    pub fn prepare(&self) -> Box<dyn Operation> {
        let operation = match self.propagator {
            Propagator::SentryOpentelemetry => sentry_opentelemetry::prepare(self),
            _ => operation::prepare(self),
        };
        expected::check(self, &*operation);
        operation
    }
}
