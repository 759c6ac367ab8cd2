//! The caller: a Sentry SDK before the service.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::{SpanId, TraceId};

use crate::grpc;
use crate::row::Row;
use crate::stack::{Error, Protocol};

const TIMEOUT: Duration = Duration::from_secs(10);

/// One request with its own ids.
pub(crate) struct Request {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) headers: HeaderMap,
}

impl Request {
    pub(crate) fn new(row: &Row, number: u8) -> Result<Self, Error> {
        let trace = TraceId::from(0x771a_43a4_1926_42f0_b136_d515_9a50_1700 + u128::from(number));
        let span = SpanId::from(0x7dd6_b3a1_fb4d_9c00 + u64::from(number) + 1);
        let mut headers = HeaderMap::new();
        if let Some(flag) = row.flag {
            headers.insert("sentry-trace", format!("{trace}-{span}{flag}").parse()?);
        }
        for line in row.baggage {
            let line = line.replace("TRACE", &trace.to_string());
            headers.append("baggage", line.parse()?);
        }
        Ok(Request { trace, span, headers })
    }
}

pub(crate) enum Caller {
    Http(reqwest::Client, String),
    Grpc(grpc::Client),
}

impl Caller {
    pub(crate) fn new(protocol: Protocol, service: SocketAddr) -> Result<Self, Error> {
        if protocol == Protocol::Grpc {
            return Ok(Caller::Grpc(grpc::client(service, TIMEOUT)?));
        }
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Caller::Http(client, format!("http://{service}/buy")))
    }

    pub(crate) async fn send(&self, headers: HeaderMap) -> Result<(), Error> {
        match self {
            Caller::Http(client, url) => {
                client.get(url).headers(headers).send().await?.error_for_status()?;
            }
            Caller::Grpc(client) => grpc::check(client.clone(), headers).await?,
        }
        Ok(())
    }
}
