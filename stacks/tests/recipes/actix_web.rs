use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{web, Error};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sentry::{MessageExtractor, WrappedPropagator};

pub type Propagator = WrappedPropagator<TraceContextPropagator>;

/// `.app_data(web::Data::new(propagator))`
/// `.wrap(actix_web::middleware::from_fn(log_decision))`
pub async fn log_decision(
    propagator: web::Data<Propagator>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers = MessageExtractor::new(headers);
    let decision = propagator.continue_decision(&Context::new(), &headers);
    tracing::debug!(%decision);
    next.call(request).await
}
