use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{HeaderMapExtractor, WrappedPropagator};

pub type Propagator = WrappedPropagator<TraceContextPropagator>;

/// `.layer(axum::middleware::from_fn_with_state(propagator, log_decision))`
pub async fn log_decision(
    State(propagator): State<Propagator>,
    request: Request,
    next: Next,
) -> Response {
    let headers = HeaderMapExtractor::new(request.headers());
    let decision = propagator.continue_decision(&Context::new(), &headers);
    tracing::debug!(%decision);
    next.run(request).await
}
