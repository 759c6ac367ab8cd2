//! The properties of an example's stack, and its setup.

use opentelemetry::propagation::TextMapCompositePropagator;
use tokio::net::TcpListener;

/// The error type of this crate.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The setup of an example's service.
pub struct Setup {
    /// The address on which it listens.
    pub listener: TcpListener,
    /// The URL of the service that it calls for each request.
    pub next: String,
    /// For stacks that take a propagator. It equals the global one, which the other stacks use.
    pub propagator: TextMapCompositePropagator,
}

/// The called path, or the called method of gRPC's health service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `GET /buy`, and `GET /checkout` of the next service.
    Http,
    /// `Check` of both services.
    Grpc,
}

/// The properties of a stack.
#[derive(Clone, Copy)]
pub struct Stack {
    /// The protocol of the caller and of the next service.
    pub protocol: Protocol,
    /// The server span's name at the span's start.
    pub transaction: &'static str,
    /// Whether its carrier forwards all lines of a repeated header, or only the first.
    pub reads_all_lines: bool,
    /// Whether the propagation targets see a call's URL.
    pub knows_urls: bool,
}

/// How propagator and sampler are registered, and which URL the service calls.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) with_w3c: bool,
    pub(crate) is_target: bool,
}
