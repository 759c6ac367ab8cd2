//! The cost of propagation: the scenarios, and the operations that they measure.
//!
//! Every measurement takes its operations from [`Scenario::prepare`], which first checks the result.

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

/// The function whose instructions are counted. callgrind finds it by name. The count includes
/// freeing the operation's output.
#[inline(never)]
pub fn measured(operation: &dyn Operation, mut carrier: HeaderMap) {
    operation.run(&mut carrier);
}

/// Does nothing, to measure `measured` itself and the freeing of a request's other headers.
pub struct Idle;

impl Operation for Idle {
    fn run(&self, _: &mut HeaderMap) {}
}
