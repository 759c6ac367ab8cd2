//! Caller and next service in gRPC.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use tokio::net::TcpListener;
use tonic::codegen::BoxStream;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Extensions, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::seen::Seen;
use crate::stack::Error;

pub(crate) type Client = HealthClient<Channel>;

pub(crate) fn client(service: SocketAddr, timeout: Duration) -> Result<Client, Error> {
    let endpoint = Endpoint::from_shared(format!("http://{service}"))?.timeout(timeout);
    Ok(HealthClient::new(endpoint.connect_lazy()))
}

pub(crate) async fn check(mut client: Client, headers: HeaderMap) -> Result<(), Status> {
    let metadata = MetadataMap::from_headers(headers);
    let message = HealthCheckRequest::default();
    client.check(Request::from_parts(metadata, Extensions::default(), message)).await?;
    Ok(())
}

pub(crate) async fn serve(
    listener: TcpListener,
    seen: Seen,
) -> Result<(), tonic::transport::Error> {
    let service = HealthServer::new(Noting(seen));
    Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)).await
}

struct Noting(Seen);

#[tonic::async_trait]
impl Health for Noting {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.0.keep(request.into_parts().0.into_headers());
        Ok(Response::new(HealthCheckResponse::default()))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("one answer is enough"))
    }
}
