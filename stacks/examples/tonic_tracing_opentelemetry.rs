//! tonic with tonic-tracing-opentelemetry: a layer for the server, and one for the client.
//!
//! ```sh
//! cargo run --manifest-path stacks/Cargo.toml --example tonic_tracing_opentelemetry
//! ```

use stacks::{Error, Protocol, Setup, Stack, Telemetry};
use tonic::codegen::BoxStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_tracing_opentelemetry::middleware::{client, server};
use tower::Layer;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry_instrumentation_sdk::TRACING_TARGET;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub const STACK: Stack = Stack {
    protocol: Protocol::Grpc,
    transaction: "grpc.health.v1.Health/Check",
    reads_all_lines: false,
    // The client's span has no scheme: targets match its host and port.
    knows_urls: true,
};

/// The shop is healthy if the service that it depends on is.
struct Shop {
    client: HealthClient<client::OtelGrpcService<Channel>>,
}

pub fn subscribe(telemetry: &Telemetry) {
    // Its spans have the level TRACE.
    let filter = Targets::new().with_default(LevelFilter::INFO);
    let filter = filter.with_target(TRACING_TARGET, LevelFilter::TRACE);
    let layer = tracing_opentelemetry::layer().with_tracer(telemetry.tracer());
    tracing_subscriber::registry().with(filter).with(layer).init();
}

pub async fn serve(setup: Setup) -> Result<(), Error> {
    let channel = Endpoint::from_shared(setup.next.clone())?.connect_lazy();
    let channel = client::OtelGrpcLayer.layer(channel);
    // The origin gives the span the server's address.
    let client = HealthClient::with_origin(channel, setup.next.parse()?);
    Server::builder()
        .layer(server::OtelGrpcLayer::default())
        .add_service(HealthServer::new(Shop { client }))
        .serve_with_incoming(TcpIncoming::from(setup.listener))
        .await?;
    Ok(())
}

#[tonic::async_trait]
impl Health for Shop {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.client.clone().check(HealthCheckRequest::default()).await
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
    let telemetry = Telemetry::register()?;
    subscribe(&telemetry);
    stacks::demonstrate(&telemetry, STACK, serve).await
}
