//! The properties of an example's stack, and what it is started with.

use opentelemetry::propagation::TextMapCompositePropagator;
use tokio::net::TcpListener;

/// The error type of this crate.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What the service of an example is started with.
pub struct Setup {
    /// Where it listens.
    pub listener: TcpListener,
    /// The URL of the service that it calls for each request.
    pub next: String,
    /// For stacks that take a propagator. It equals the global one, which the others use.
    pub propagator: TextMapCompositePropagator,
}

/// What is called: a path, or a method of gRPC's health service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `GET /buy`, and `GET /checkout` of the next service.
    Http,
    /// `Check` of both.
    Grpc,
}

/// The properties of a stack.
#[derive(Clone, Copy)]
pub struct Stack {
    /// What the caller speaks, and the next service.
    pub protocol: Protocol,
    /// The name of the server's span, as it is when the span starts.
    pub transaction: &'static str,
    /// Whether its carrier forwards all lines of a repeated header, or the first one only.
    pub reads_all_lines: bool,
    /// Whether the propagation targets see the URL of a call.
    pub knows_urls: bool,
}

/// How propagator and sampler are registered, and where the service calls.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) with_w3c: bool,
    pub(crate) is_target: bool,
}
