//! A queue between two services. Messages have headers whose values are bytes, as in Kafka or AMQP.
//!
//! ```sh
//! cargo run --example queue
//! ```

#[path = "common/exit.rs"]
mod exit;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use opentelemetry_sentry::{continue_trace, MessageExtractor, MessageInjector, Sentry};

/// A message as brokers store it.
struct Message {
    headers: Vec<(String, Vec<u8>)>,
    order: u32,
}

/// One side of the queue.
struct Service {
    sentry: Sentry,
    provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
}

impl Service {
    fn new(release: &str) -> Result<Self, Box<dyn Error>> {
        let builder = Sentry::builder().dsn("https://key@o1.ingest.sentry.io/42").release(release);
        let sentry = builder.traces_sample_rate(1.0).build()?;
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sentry.sampler())
            .with_simple_exporter(spans.clone())
            .build();
        Ok(Service { sentry, provider, spans })
    }

    fn start(&self, kind: SpanKind, name: &'static str, parent: &Context) -> Context {
        let tracer = self.provider.tracer("queue");
        let system = KeyValue::new("messaging.system", "example");
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes([system]);
        parent.with_span(builder.start_with_context(&tracer, parent))
    }

    /// Writes the trace of a PRODUCER span into a message. It replaces the trace of an earlier try.
    fn send(&self, parent: &Context, message: &mut Message) {
        let cx = self.start(SpanKind::Producer, "send orders", parent);
        let mut headers = MessageInjector(&mut message.headers);
        self.sentry.propagator().inject_context(&cx, &mut headers);
    }

    /// Handles a message in a CONSUMER span that continues the message's trace.
    fn receive(&self, message: &Message) {
        let headers = message.headers.iter().map(|(name, value)| (&**name, &**value));
        let cx = continue_trace(&self.sentry.propagator(), &MessageExtractor::new(headers));
        let cx = self.start(SpanKind::Consumer, "process orders", &cx);
        cx.span().set_attribute(KeyValue::new("order", i64::from(message.order)));
    }

    fn spans(&self, name: &str) -> Result<Vec<SpanData>, Box<dyn Error>> {
        let finished = self.spans.get_finished_spans()?.into_iter();
        Ok(finished.filter(|span| span.name == name).collect())
    }
}

fn main() -> ExitCode {
    exit::code("queue", run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "Shows: a trace crosses a queue in the headers of its messages, which are bytes\n"
    )?;
    let (shop, warehouse) = (Service::new("shop@1.2.3")?, Service::new("warehouse@4.5.6")?);
    let (sender, receiver) = mpsc::channel::<Message>();

    let worker = thread::spawn(move || {
        // The worker's own span is not the parent of a message from the queue.
        let waiting = warehouse.start(SpanKind::Internal, "wait for orders", &Context::new());
        let _guard = waiting.attach();
        for message in receiver {
            warehouse.receive(&message);
        }
        warehouse
    });

    let request = shop.start(SpanKind::Server, "POST /order", &Context::new());
    let content_type = ("content-type".to_owned(), b"application/json".to_vec());
    let mut first = Message { headers: vec![content_type], order: 1 };
    // The broker did not answer: the message is sent again, with the span of the second try.
    shop.send(&request, &mut first);
    shop.send(&request, &mut first);
    let names: Vec<&str> = first.headers.iter().map(|(name, _)| name.as_str()).collect();
    if names != ["content-type", "sentry-trace", "baggage"] {
        return Err(format!("the message has other headers: {names:?}").into());
    }
    sender.send(first)?;
    // A message from a producer without tracing.
    sender.send(Message { headers: Vec::new(), order: 2 })?;
    drop(sender);
    drop(request);

    let warehouse = worker.join().map_err(|_| "the worker failed")?;
    let sent = shop.spans("send orders")?;
    let received = warehouse.spans("process orders")?;
    let [request] = &shop.spans("POST /order")?[..] else { return Err("no request".into()) };
    let [first_try, second_try] = &sent[..] else { return Err("there are not two tries".into()) };
    let [continued, new] = &received[..] else { return Err("there are not two messages".into()) };
    let waiting = &warehouse.spans("wait for orders")?[0];

    writeln!(stdout, "trace A is {}", trace_id(request))?;
    writeln!(stdout, "trace B is {}\n", trace_id(new))?;
    let mut line = |service: &str, span: &SpanData, note: &str| {
        let trace = if trace_id(span) == trace_id(request) { "A" } else { "B" };
        let line = format!("{service:9}  {:14}  trace {trace}  {note}", span.name);
        writeln!(stdout, "{}", line.trim_end())
    };
    line("shop", request, "")?;
    line("shop", first_try, "the broker does not answer")?;
    line("shop", second_try, "the message is sent again")?;
    line("warehouse", continued, "order 1, below the second try")?;
    line("warehouse", new, "order 2, whose producer sends no trace headers: a new trace")?;

    if trace_id(continued) != trace_id(second_try)
        || continued.parent_span_id != second_try.span_context.span_id()
    {
        return Err("order 1 is not below the second try".into());
    }
    if [trace_id(continued), trace_id(waiting)].contains(&trace_id(new)) {
        return Err("order 2 is in another message's trace, or in the worker's".into());
    }
    writeln!(stdout, "\nHeld: order 1 continues the shop's trace, order 2 starts its own")?;
    Ok(())
}

fn trace_id(span: &SpanData) -> TraceId {
    span.span_context.trace_id()
}
