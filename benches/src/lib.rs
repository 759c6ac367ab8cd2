//! What propagation costs: the scenarios, and the operations that they measure.
//!
//! Every way to measure takes its operations from [`Scenario::prepare`], which looks at the result
//! once before it hands one out.

mod expected;
mod floor;
mod input;
mod operation;
mod prepare;
mod scenario;
mod sentry_opentelemetry;

pub use input::{carrier, Input, SPAN_ID, TRACE_ID};
pub use operation::Operation;
pub use scenario::{Bound, Propagator, Scenario, Step, SCENARIOS};

use http::HeaderMap;

/// The one function whose instructions are counted: callgrind finds it by its name. To free what
/// the operation wrote is part of it.
#[inline(never)]
pub fn measured(operation: &dyn Operation, mut carrier: HeaderMap) {
    operation.run(&mut carrier);
}

/// Does nothing: what `measured` itself costs, and freeing a request's other headers.
pub struct Idle;

impl Operation for Idle {
    fn run(&self, _: &mut HeaderMap) {}
}
