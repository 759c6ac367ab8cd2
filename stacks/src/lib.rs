//! What the examples share: a caller with Sentry's headers, the service that is called in turn, and
//! the proof that all of them are in one trace, with one decision.

mod caller;
mod check;
mod grpc;
mod next;
mod proof;
mod row;
mod telemetry;

pub use proof::{demonstrate, prove, Protocol, Stack};
pub use telemetry::Telemetry;

use opentelemetry::propagation::TextMapCompositePropagator;
use tokio::net::TcpListener;

/// The error of everything here.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What the service of an example is started with.
pub struct Setup {
    /// Where it listens.
    pub listener: TcpListener,
    /// The URL of the service that it calls for each request.
    pub next: String,
    /// For what takes a propagator; the others use the global one, which is the same.
    pub propagator: TextMapCompositePropagator,
}
