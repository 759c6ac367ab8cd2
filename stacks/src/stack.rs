//! What an example says of its stack, and what it is started with.

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

/// What is called: a path, or a method of gRPC's health service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `GET /buy`, and `GET /checkout` of the next service.
    Http,
    /// `Check` of both.
    Grpc,
}

/// What is known of a stack.
#[derive(Clone, Copy)]
pub struct Stack {
    /// What the caller speaks, and the next service.
    pub protocol: Protocol,
    /// The name of the server's span, as it is when the span starts.
    pub transaction: &'static str,
    /// Whether its carrier hands on all lines of a repeated header, or the first alone.
    pub reads_all_lines: bool,
    /// Whether the URL of a call is known to the targets.
    pub knows_urls: bool,
}

/// How the plugs are registered, and where the service calls to.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) with_w3c: bool,
    pub(crate) is_target: bool,
}
