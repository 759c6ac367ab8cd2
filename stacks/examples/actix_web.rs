//! actix-web and awc with opentelemetry-instrumentation-actix-web.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example actix_web
//! ```

use actix_web::dev::{Service, ServiceRequest};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{web, App, HttpResponse, HttpServer};
use awc::Client;
use opentelemetry_instrumentation_actix_web::{ClientExt, RequestTracing};
use stacks::{Error, Protocol, Setup, Stack, Telemetry};

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: true,
    knows_urls: true,
};

const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let next = web::Data::new(setup.next);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&next))
            .app_data(web::Data::new(Client::default()))
            .wrap(RequestTracing::new())
            // The middleware that is added last runs first.
            .wrap_fn(|mut request, service| {
                join_baggage(&mut request);
                service.call(request)
            })
            .route("/buy", web::get().to(buy))
    });
    let server = server.workers(1).disable_signals().listen(setup.listener.into_std()?)?;
    Ok(server.run().await?)
}

/// `RequestTracing` reads only the first line of a header, but a proxy may send two.
fn join_baggage(request: &mut ServiceRequest) {
    let headers = request.headers_mut();
    let lines: Vec<_> = headers.get_all(BAGGAGE).map(HeaderValue::as_bytes).collect();
    if lines.len() > 1 {
        if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b',')) {
            headers.insert(BAGGAGE, joined);
        }
    }
}

async fn buy(client: web::Data<Client>, next: web::Data<String>) -> HttpResponse {
    // Adds the span and the headers. The URL is an attribute of the span, so the targets apply.
    match client.get(next.as_str()).trace_request().send().await {
        Ok(response) => HttpResponse::build(response.status()).finish(),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    stacks::demonstrate(&Telemetry::register()?, STACK, serve).await
}
