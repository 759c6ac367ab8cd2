//! Proves that requests through a service stay in one trace with one decision.

use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::global;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::caller::{Caller, Request};
use crate::check::Observed;
use crate::next::Next;
use crate::row::{Row, ROWS};
use crate::stack::{Error, Setup, Stack, Way};
use crate::telemetry::Telemetry;

const WAYS: [Way; 3] = [
    Way { name: "Sentry alone", with_w3c: false, is_target: true },
    Way { name: "around W3C and baggage", with_w3c: true, is_target: true },
    Way { name: "outside the targets", with_w3c: false, is_target: false },
];

/// A service between a caller and the next service, until it is dropped.
struct Running {
    caller: Caller,
    next: Next,
    server: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Sends one request through the service, prints the result, and fails if it is not one trace.
///
/// # Errors
///
/// The request is not in one trace, or has more than one decision.
pub async fn demonstrate<S, F>(telemetry: &Telemetry, stack: Stack, serve: S) -> Result<(), Error>
where
    S: Fn(Setup) -> F,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let [way, ..] = &WAYS;
    let [row, ..] = &ROWS;
    let running = start(telemetry, stack, way, &serve).await?;
    let request = Request::new(row, 0)?;
    let observed = send(telemetry, &running, stack, way, row, &request).await?;
    print("caller ", &request.headers);
    for span in observed.spans.iter().rev() {
        println!("  {:?} {}, child of {}", span.span_kind, span.name, span.parent_span_id);
    }
    for headers in &observed.calls {
        print("service", headers);
    }
    verdict(observed.problems())
}

/// Sends every row through the service, in every [`Way`].
///
/// # Errors
///
/// A list of all faults.
pub async fn prove<S, F>(telemetry: &Telemetry, stack: Stack, serve: S) -> Result<(), Error>
where
    S: Fn(Setup) -> F,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut problems = Vec::new();
    let mut unsampled = Vec::new();
    let mut number = 0;
    for way in &WAYS {
        let running = start(telemetry, stack, way, &serve).await?;
        for row in &ROWS {
            let request = Request::new(row, number)?;
            number += 1;
            let observed = send(telemetry, &running, stack, way, row, &request).await?;
            let name = format!("{}, {}", way.name, row.name);
            let found = observed.problems().into_iter();
            problems.extend(found.map(|what| format!("{name}: {what}")));
            if observed.sampled() == Some(false) {
                unsampled.extend(observed.trace().map(|trace| (trace, name)));
            }
        }
    }
    // All their spans have ended by now.
    for (trace, name) in unsampled {
        let count = telemetry.spans_of(&trace)?.len();
        problems.extend((count > 0).then(|| format!("{name}: {count} spans were exported")));
    }
    verdict(problems)
}

fn verdict(problems: Vec<String>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.join("\n").into())
}

async fn start<S, F>(
    telemetry: &Telemetry,
    stack: Stack,
    way: &Way,
    serve: &S,
) -> Result<Running, Error>
where
    S: Fn(Setup) -> F,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    global::set_text_map_propagator(telemetry.propagator(way.with_w3c));
    let next = Next::start(stack.protocol).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let caller = Caller::new(stack.protocol, listener.local_addr()?)?;
    let setup = Setup {
        listener,
        next: next.url(if way.is_target { "127.0.0.1" } else { "localhost" }),
        propagator: telemetry.propagator(way.with_w3c),
    };
    let serving = serve(setup);
    let server = tokio::spawn(async move {
        if let Err(error) = serving.await {
            eprintln!("the service: {error}");
        }
    });
    Ok(Running { caller, next, server })
}

async fn send<'a>(
    telemetry: &Telemetry,
    running: &Running,
    stack: Stack,
    way: &'a Way,
    row: &'a Row,
    request: &'a Request,
) -> Result<Observed<'a>, Error> {
    running.caller.send(request.headers.clone()).await?;
    let calls = running.next.take();
    if calls.is_empty() {
        return Err("the next service was not called".into());
    }
    let mut observed = Observed { stack, way, row, request, calls, spans: Vec::new() };
    let Some(trace) = observed.trace() else {
        return Ok(observed);
    };
    // A server span may end after its response has arrived.
    for _ in 0..50 {
        observed.spans = telemetry.spans_of(&trace)?;
        if observed.sampled() != Some(true) || observed.server_span().is_some() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(observed)
}

fn print(who: &str, headers: &HeaderMap) {
    for name in ["sentry-trace", "baggage"] {
        for value in headers.get_all(name) {
            println!("{who} -> {name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
    }
}
