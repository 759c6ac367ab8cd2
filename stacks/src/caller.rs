//! The caller: a Sentry SDK before the service.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::{SpanId, TraceId};

use crate::row::Row;
use crate::Error;

const TIMEOUT: Duration = Duration::from_secs(10);

/// One request, with ids of its own.
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

pub(crate) struct Caller {
    client: reqwest::Client,
    url: String,
}

impl Caller {
    pub(crate) fn new(service: SocketAddr) -> Result<Self, Error> {
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Caller { client, url: format!("http://{service}/buy") })
    }

    pub(crate) async fn send(&self, headers: HeaderMap) -> Result<(), Error> {
        self.client.get(&self.url).headers(headers).send().await?.error_for_status()?;
        Ok(())
    }
}
