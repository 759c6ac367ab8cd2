//! tonic, manually. Metadata are headers, so the carriers for headers read and write them.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example tonic
//! ```

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sentry::{HeaderMapExtractor, MergingInjector, OutgoingUrlExt};
use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tonic::codegen::BoxStream;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

pub const STACK: Stack = Stack {
    protocol: Protocol::Grpc,
    transaction: "grpc.health.v1.Health/Check",
    reads_all_lines: true,
    knows_urls: true,
};

/// The shop is healthy if the service that it depends on is.
struct Shop {
    client: HealthClient<Channel>,
    next: String,
    tracer: BoxedTracer,
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let endpoint = Endpoint::from_shared(setup.next.clone())?;
    let client = HealthClient::new(endpoint.connect_lazy());
    let shop = Shop { client, next: setup.next, tracer: global::tracer("shop") };
    let incoming = TcpIncoming::from(setup.listener);
    Server::builder().add_service(HealthServer::new(shop)).serve_with_incoming(incoming).await?;
    Ok(())
}

/// The span of a method. The `rpc` attribute shows that its name is not a URL, despite the `/`.
fn span(service: &'static str, method: &'static str, kind: SpanKind) -> SpanBuilder {
    SpanBuilder::from_name(format!("{service}/{method}")).with_kind(kind).with_attributes([
        KeyValue::new("rpc.system", "grpc"),
        KeyValue::new("rpc.service", service),
        KeyValue::new("rpc.method", method),
    ])
}

/// The context in which a method is served: the caller's, with a SERVER span.
fn incoming(tracer: &BoxedTracer, span: SpanBuilder, metadata: &MetadataMap) -> Context {
    let headers = HeaderMapExtractor::new(metadata.as_ref());
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    parent.with_span(span.start_with_context(tracer, &parent))
}

/// The context of a call: the current one, with a CLIENT span.
fn outgoing(
    tracer: &BoxedTracer,
    span: SpanBuilder,
    url: &str,
    metadata: &mut MetadataMap,
) -> Context {
    // The URL for the targets. No gRPC attribute contains it.
    let parent = Context::current().with_outgoing_url(url);
    let cx = parent.with_span(span.start_with_context(tracer, &parent));
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&cx, &mut MergingInjector(metadata.as_mut()));
    });
    cx
}

impl Shop {
    async fn ask_next(&self) -> Result<Response<HealthCheckResponse>, Status> {
        let mut request = Request::new(HealthCheckRequest::default());
        let span = span("grpc.health.v1.Health", "Check", SpanKind::Client);
        let cx = outgoing(&self.tracer, span, &self.next, request.metadata_mut());
        self.client.clone().check(request).with_context(cx).await
    }
}

#[tonic::async_trait]
impl Health for Shop {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let span = span("grpc.health.v1.Health", "Check", SpanKind::Server);
        let cx = incoming(&self.tracer, span, request.metadata());
        self.ask_next().with_context(cx).await
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("one answer is enough"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    stacks::demonstrate(&Telemetry::register()?, STACK, serve).await
}
