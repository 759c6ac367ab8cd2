//! A WebSocket on loopback: every message carries its trace, in the shape that Sentry's
//! documentation shows, `{"message": .., "metadata": {"sentryTrace": .., "baggage": ..}}`.
//!
//! ```sh
//! cargo run --manifest-path stacks/services/Cargo.toml --example websocket
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use opentelemetry_sentry::{
    continue_trace, trace_data, OutgoingUrlExt, Sentry, TraceData, BAGGAGE_HEADER,
    SENTRY_TRACE_HEADER,
};
use serde::{Deserialize, Serialize};
use tungstenite::{Message, WebSocket};

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
struct Envelope {
    message: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    sentry_trace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baggage: Option<String>,
}

impl From<&TraceData> for Metadata {
    fn from(data: &TraceData) -> Self {
        let header = |name| data.get(name).map(str::to_owned);
        Metadata { sentry_trace: header(SENTRY_TRACE_HEADER), baggage: header(BAGGAGE_HEADER) }
    }
}

impl From<Metadata> for TraceData {
    fn from(metadata: Metadata) -> Self {
        let trace = metadata.sentry_trace.map(|value| (SENTRY_TRACE_HEADER, value));
        let baggage = metadata.baggage.map(|value| (BAGGAGE_HEADER, value));
        trace.into_iter().chain(baggage).collect()
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("websocket: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One side of the connection.
struct Peer {
    sentry: Sentry,
    provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
}

impl Peer {
    fn new(release: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let sentry = Sentry::builder()
            .dsn("https://key@o1.ingest.sentry.io/42")
            .release(release)
            .traces_sample_rate(1.0)
            .trace_propagation_targets(["ws://127.0.0.1"])
            .build()?;
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(spans.clone())
            .build();
        Ok(Peer { sentry, provider, spans })
    }

    fn start(&self, kind: SpanKind, name: &'static str, parent: &Context) -> Context {
        let tracer = self.provider.tracer("websocket");
        let builder = tracer.span_builder(name).with_kind(kind);
        parent.with_span(builder.start_with_context(&tracer, parent))
    }

    fn spans(&self) -> Result<Vec<SpanData>, Box<dyn Error + Send + Sync>> {
        Ok(self.spans.get_finished_spans()?)
    }
}

fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(&listener));

    let client = Peer::new("chat-client@1.0.0")?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let url = format!("ws://{address}/chat");
    let (mut socket, _) = tungstenite::client(&*url, stream).map_err(|error| error.to_string())?;
    let mut stdout = io::stdout();

    // Two messages on one connection are two traces: the connection itself is in none of them.
    for text in ["hello", "is anybody there?"] {
        let cx = client.start(SpanKind::Producer, "send message", &Context::new());
        let data = trace_data(&client.sentry.propagator(), &cx.with_outgoing_url(&*url));
        let envelope = Envelope { message: text.to_owned(), metadata: (&data).into() };
        let json = serde_json::to_string(&envelope)?;
        writeln!(stdout, "{json}")?;
        socket.send(Message::text(json))?;
        assert_eq!(socket.read()?.into_text()?.as_str(), text, "the server answers");
    }
    // A message to a host outside the targets carries no trace.
    let cx = client.start(SpanKind::Producer, "send elsewhere", &Context::new());
    let elsewhere = cx.with_outgoing_url("wss://elsewhere.example/chat");
    let data = trace_data(&client.sentry.propagator(), &elsewhere);
    let envelope = Envelope { message: "bye".to_owned(), metadata: (&data).into() };
    let json = serde_json::to_string(&envelope)?;
    assert_eq!(json, r#"{"message":"bye","metadata":{}}"#);
    socket.send(Message::text(json))?;
    socket.read()?;
    cx.span().end();
    socket.close(None)?;
    while socket.read().is_ok() {}

    let handled = server.join().map_err(|_| "the server failed")??;
    let sent = client.spans()?;
    assert_eq!((sent.len(), handled.len()), (3, 3));
    for (sent, handled) in sent.iter().zip(&handled) {
        let trace_id = sent.span_context.trace_id();
        let continued = handled.span_context.trace_id() == trace_id;
        writeln!(stdout, "{}: continued: {continued}", sent.name)?;
        assert_eq!(continued, sent.name == "send message");
        assert_eq!(continued, handled.parent_span_id == sent.span_context.span_id());
    }
    assert_ne!(sent[0].span_context.trace_id(), sent[1].span_context.trace_id());
    Ok(())
}

/// Answers every message of one connection. Returns the spans that handled them.
fn serve(listener: &TcpListener) -> Result<Vec<SpanData>, Box<dyn Error + Send + Sync>> {
    let server = Peer::new("chat-server@2.0.0")?;
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    while let Ok(message) = socket.read() {
        if let Message::Text(json) = message {
            handle(&server, &mut socket, &json)?;
        }
    }
    server.spans()
}

fn handle(
    server: &Peer,
    socket: &mut WebSocket<TcpStream>,
    json: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Envelope { message, metadata } = serde_json::from_str(json)?;
    let cx = continue_trace(&server.sentry.propagator(), &TraceData::from(metadata));
    let cx = server.start(SpanKind::Consumer, "handle message", &cx);
    cx.span().set_attribute(KeyValue::new("message.length", message.len() as i64));
    cx.span().end();
    socket.send(Message::text(message))?;
    Ok(())
}
