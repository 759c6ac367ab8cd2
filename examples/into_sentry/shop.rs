//! The service, and the transport of its `sentry` client.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{global, Context, KeyValue};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use sentry_core::{Envelope, Transport};

/// The trace of the page, as its Sentry SDK sends it: it records a quarter of its traces.
pub(crate) const TRACE_ID: &str = "771a43a4192642f0b136d5159a501700";
pub(crate) const PAGE_SPAN_ID: &str = "7dd6b3a1fb4d9c2a";
pub(crate) const PAGE_RATE: &str = "0.25";

fn headers_of_the_page() -> HashMap<String, String> {
    let baggage = format!(
        "sentry-trace_id={TRACE_ID},sentry-public_key=page,sentry-sample_rate={PAGE_RATE},\
         sentry-sample_rand=0.1,sentry-sampled=true,sentry-environment=staging"
    );
    HashMap::from([
        ("sentry-trace".to_owned(), format!("{TRACE_ID}-{PAGE_SPAN_ID}-1")),
        ("baggage".to_owned(), baggage),
    ])
}

#[derive(Debug)]
struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of stock")
    }
}

impl Error for OutOfStock {}

pub(crate) struct Shop {
    logger: SdkLogger,
}

impl Shop {
    pub(crate) fn new(logs: &SdkLoggerProvider) -> Self {
        Shop { logger: logs.logger("shop") }
    }

    /// One request of the page.
    pub(crate) fn serve(&self, name: &'static str) {
        let headers = headers_of_the_page();
        let parent = global::get_text_map_propagator(|p| p.extract(&headers));
        let server = start(name, SpanKind::Server, &parent);
        let _active = server.clone().attach();
        self.log(Severity::Info, "request received");
        if let Err(error) = self.look_up(name == "GET /checkout") {
            server.span().set_status(Status::error("out of stock"));
            self.log(Severity::Warn, "request failed");
            sentry_core::capture_error(&error);
        }
        server.span().end();
    }

    /// Asks the stock, which is another service.
    fn look_up(&self, fails: bool) -> Result<(), OutOfStock> {
        let cx = start("GET /stock", SpanKind::Client, &Context::current());
        let _active = cx.clone().attach();
        self.log(Severity::Info, "stock asked");
        cx.span().end();
        if fails {
            return Err(OutOfStock);
        }
        Ok(())
    }

    /// A record of the active span.
    fn log(&self, severity: Severity, text: &'static str) {
        let mut record = self.logger.create_log_record();
        record.set_severity_number(severity);
        record.set_body(text.into());
        self.logger.emit(record);
    }
}

fn start(name: &'static str, kind: SpanKind, parent: &Context) -> Context {
    let tracer = global::tracer("shop");
    let method = KeyValue::new("http.request.method", "GET");
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes([method]);
    parent.with_span(builder.start_with_context(&tracer, parent))
}

/// Sends envelopes at once. A program that has the `sentry` crate takes one of its transports.
pub(crate) struct Loopback {
    client: reqwest::blocking::Client,
    url: String,
    auth: String,
}

impl Loopback {
    pub(crate) fn new(dsn: &str, key: &str) -> Result<Self, Box<dyn Error>> {
        let dsn: sentry_core::types::Dsn = dsn.parse()?;
        Ok(Loopback {
            client: reqwest::blocking::Client::new(),
            url: dsn.envelope_api_url().to_string(),
            auth: format!("Sentry sentry_key={key}"),
        })
    }
}

impl Transport for Loopback {
    fn send_envelope(&self, envelope: Envelope) {
        let mut body = Vec::new();
        if envelope.to_writer(&mut body).is_err() {
            return;
        }
        let request = self.client.post(&self.url).header("x-sentry-auth", &self.auth);
        // What does not arrive is missing in the tree.
        let _ = request.body(body).send();
    }
}
