//! The service of the page, between a request of a Sentry SDK and a server in Sentry's place.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use crate::project::{succeed, wait, Project};

const PATIENCE: Duration = Duration::from_secs(30);
const TRACE_ID: u128 = 0x771a43a4192642f0b136d5159a501700;

/// Bodies of requests.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// One request: three spans in its trace arrive at Sentry.
pub(crate) fn try_it(project: &Project) -> Result<(), Box<dyn Error>> {
    let sentry = TcpListener::bind("127.0.0.1:0")?;
    let dsn = format!("http://key@{}/42", sentry.local_addr()?);
    let received = Received::default();
    let keep = Arc::clone(&received);
    spawn(move || {
        for stream in sentry.incoming() {
            let Ok(body) = stream.and_then(receive) else { continue };
            keep.lock().unwrap().push(body);
        }
    });

    // Free, once it is dropped.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let settings = [("PORT", &*port), ("SENTRY_DSN", &dsn), ("SENTRY_TRACES_SAMPLE_RATE", "0")];
    let service = project.command(&settings).spawn()?;
    let answer = get(&port);
    // As Ctrl-C does.
    succeed(Command::new("kill").args(["-INT", &service.id().to_string()]).status()?)?;
    succeed(wait(service, PATIENCE)?)?;
    let answer = answer?;
    if !answer.starts_with("HTTP/1.1 200 ") || !answer.ends_with("3 pairs of socks") {
        return Err(format!("it answered {answer}").into());
    }

    let bodies = received.lock().unwrap().concat();
    let count = |part: &[u8]| bodies.windows(part.len()).filter(|found| *found == part).count();
    for (what, expected) in
        [(&TRACE_ID.to_be_bytes()[..], 3), (b"GET /api/cart", 1), (b"GET /api/stock", 1)]
    {
        let found = count(what);
        if found != expected {
            return Err(format!("{found} times {what:?} in Sentry, not {expected}").into());
        }
    }
    Ok(())
}

/// The answer to a request in a trace that its caller has sampled.
fn get(port: &str) -> Result<String, Box<dyn Error>> {
    let mut tries = 500;
    let mut stream = loop {
        match TcpStream::connect(format!("127.0.0.1:{port}")) {
            Ok(stream) => break stream,
            Err(error) if tries == 0 => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(20)),
        }
        tries -= 1;
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let trace = format!("{TRACE_ID:032x}");
    write!(
        stream,
        "GET /api/cart HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         sentry-trace: {trace}-7dd6b3a1fb4d9c2a-1\r\n\
         baggage: sentry-trace_id={trace},sentry-sample_rand=0.25\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The body of one request, which is answered.
fn receive(mut stream: TcpStream) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    Ok(body)
}
