//! hyper, server and client, without instrumentation: manual spans, and the carriers for `http`'s
//! headers.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example hyper
//! ```

use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sentry::{inject_request, HeaderMapExtractor, OutgoingUrlExt};
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tokio::net::TcpStream;

pub const STACK: Stack = Stack {
    protocol: Protocol::Http,
    transaction: "GET /buy",
    reads_all_lines: true,
    knows_urls: true,
};

struct Shop {
    next: Uri,
    tracer: BoxedTracer,
    propagator: TextMapCompositePropagator,
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let (next, propagator) = (setup.next.parse()?, setup.propagator);
    let shop = Arc::new(Shop { next, tracer: global::tracer("shop"), propagator });
    loop {
        let (stream, _) = setup.listener.accept().await?;
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let service = service_fn(|request| shop.traced(request));
            let server = hyper::server::conn::http1::Builder::new();
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection: {error}");
            }
        });
    }
}

impl Shop {
    /// Serves a request in a SERVER span that continues the caller's trace.
    async fn traced(&self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Error> {
        // Low cardinality: only served paths become names.
        let (name, route) = match request.uri().path() {
            "/buy" => (format!("{} /buy", request.method()), Some("/buy")),
            _ => (request.method().to_string(), None),
        };
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_attributes(route.map(|route| KeyValue::new("http.route", route)));
        let headers = HeaderMapExtractor::new(request.headers());
        let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
        let cx = parent.with_span(span.start_with_context(&self.tracer, &parent));
        let status = match route {
            Some(_) => self.buy().with_context(cx.clone()).await?,
            None => StatusCode::NOT_FOUND,
        };
        let status_code = i64::from(status.as_u16());
        cx.span().set_attribute(KeyValue::new("http.response.status_code", status_code));
        let mut response = Response::new(Empty::new());
        *response.status_mut() = status;
        Ok(response)
    }

    async fn buy(&self) -> Result<StatusCode, Error> {
        let next = self.next.authority().ok_or("the next service has no address")?.as_str();
        let stream = TcpStream::connect(next).await?;
        let (mut client, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::get(self.next.path()).header(HOST, next).body(Empty::<Bytes>::new())?;

        // A request on a connection has a path but no host, so the URL for the targets is given here.
        let url = self.next.to_string();
        let parent = Context::current().with_outgoing_url(url.clone());
        let span = SpanBuilder::from_name("GET")
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("url.full", url)]);
        let cx = parent.with_span(span.start_with_context(&self.tracer, &parent));
        inject_request(&self.propagator, &cx, &mut request);
        let response = client.send_request(request).with_context(cx).await?;
        Ok(response.status())
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    stacks::demonstrate(&Telemetry::register()?, STACK, serve).await
}
