//! One trace of a Vue page and a service, seen without a Sentry account.
//!
//! The service and the page are those of `docs/getting_started.md`, from the page's text. A server on
//! loopback stands in Sentry's place. The trace is printed as a tree, and shown as an HTML page.
//!
//! ```sh
//! cargo run --manifest-path stacks/see_it_locally/Cargo.toml
//! ```

mod arguments;
mod browser;
#[allow(dead_code, reason = "the example looks at more")]
#[path = "../../../examples/otlp_to_sentry/endpoint.rs"]
mod endpoint;
mod guide;
mod html;
mod process;
#[allow(dead_code, reason = "the example looks at more")]
#[path = "../../../examples/otlp_to_sentry/protobuf.rs"]
mod protobuf;
mod service;
mod site;
mod spans;
mod text;
mod trace;
mod vue;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use arguments::{Arguments, USAGE};
use endpoint::Endpoint;
use guide::{Guide, PAGE_PORT, SERVICE_PORT};
use process::Running;
use site::Shown;
use spans::Span;
use trace::{traces, Trace};

/// How often it looks for what has arrived.
const LOOK: Duration = Duration::from_millis(100);

const KEY: &str = "49d0f7386ad645858ae85020e393bef3";

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("see_it_locally: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        // A reader that has seen enough is no failure.
        let _ = writeln!(io::stdout(), "{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("see_it_locally: did not hold: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let work = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/work");
    let mut out = io::stdout();
    writeln!(out, "Shows: one trace of the page and the service of docs/getting_started.md\n")?;

    let endpoint = Endpoint::start()?;
    let dsn = endpoint.dsn(KEY);
    let mut guide = Guide::read(&fs::read_to_string(root.join("docs/getting_started.md"))?)?;
    let (service_port, page_port) = (free_port(SERVICE_PORT)?, free_port(PAGE_PORT)?);
    guide.set_ports(service_port, page_port);
    // The page has a project of its own.
    guide.set_page_dsn(&dsn.replace("/42", "/43"))?;
    if arguments.split {
        guide.forget_targets()?;
    }

    writeln!(out, "builds the service, as the page says (the first time takes minutes)")?;
    let program = service::build(&guide, &root, &work.join("shop"))?;
    writeln!(out, "bundles the page with @sentry/vue")?;
    let bundle = fs::read(vue::bundle(&guide, &work.join("page"))?)?;
    let service = service::start(&program, &guide, &dsn, service_port, work.join("service.log"))?;

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let shown = Shown::default();
    runtime.block_on(site::serve(page_port, bundle, Shown::clone(&shown)))?;
    let page = format!("http://localhost:{page_port}/");
    writeln!(out, "\nservice  http://localhost:{service_port}/api/cart")?;
    writeln!(out, "Sentry   {dsn}")?;
    let browser = open(arguments, &page, &work)?;
    let how = if browser.is_some() { "is open in a browser without a window" } else { "open it" };
    writeln!(out, "page     {page}  {how}")?;
    writeln!(out, "trace    {page}trace\n")?;

    let deadline =
        (arguments.once || browser.is_some()).then(|| Instant::now() + arguments.timeout);
    // It is dropped here, outside the runtime: the endpoint has one of its own.
    let mut watch = Watch { endpoint, shown, spans: Vec::new(), printed: Vec::new(), work };
    runtime.block_on(watch.run(arguments, &page, deadline, service, browser))
}

/// The page's own port, or another one if it is taken.
fn free_port(port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", port));
    listener
        .or_else(|_| TcpListener::bind("127.0.0.1:0"))?
        .local_addr()
        .map(|address| address.port())
}

fn open(arguments: &Arguments, page: &str, work: &Path) -> Result<Option<Running>, String> {
    match browser::installed().filter(|_| !arguments.no_browser) {
        Some(program) => browser::open(&program, page, work).map(Some),
        None => Ok(None),
    }
}

/// What arrives at the endpoint, shown as it does.
struct Watch {
    endpoint: Endpoint,
    shown: Shown,
    spans: Vec<Span>,
    /// Ids of the traces that have been printed.
    printed: Vec<String>,
    work: PathBuf,
}

impl Watch {
    /// Runs until the first trace is whole, or until it is stopped.
    async fn run(
        &mut self,
        arguments: &Arguments,
        page: &str,
        deadline: Option<Instant>,
        mut service: Running,
        mut browser: Option<Running>,
    ) -> Result<(), Failure> {
        let mut out = io::stdout();
        loop {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => match self.printed.is_empty() {
                    true => return Err("stopped before a trace was whole".into()),
                    false => return Ok(stopped?),
                },
                () = tokio::time::sleep(LOOK) => {}
            }
            let is_first = self.printed.is_empty();
            if let Some(trace) = self.look()?.pop().filter(|_| is_first) {
                let spans = trace.spans.len();
                let held =
                    format!("Held: {spans} spans of page and service are one trace, and whole");
                writeln!(out, "{held}")?;
                if arguments.once {
                    return Ok(());
                }
                browser = None;
                writeln!(out, "\nOpen {page} for another one, and {page}trace to see it.")?;
                writeln!(out, "Ctrl-C ends this.\n")?;
            }
            if let Some(end) = service.ended() {
                return Err(format!("the service ended: {end}").into());
            }
            if let Some(end) = browser.as_mut().and_then(Running::ended) {
                return Err(format!("the browser ended: {end}").into());
            }
            if self.printed.is_empty() && deadline.is_some_and(|deadline| Instant::now() > deadline)
            {
                return Err(self.what_is_missing(arguments.timeout).into());
            }
        }
    }

    /// Prints the traces that have become whole since the last look, and writes the HTML page.
    fn look(&mut self) -> Result<Vec<Trace>, Failure> {
        let received = self.endpoint.take();
        if received.is_empty() {
            return Ok(Vec::new());
        }
        self.spans.extend(received.iter().flat_map(spans::of));
        let traces = traces(&self.spans);
        let mut whole = Vec::new();
        for trace in &traces {
            if trace.problems().is_empty() && !self.printed.contains(&trace.id) {
                writeln!(io::stdout(), "{}", text::tree(trace))?;
                self.printed.push(trace.id.clone());
                whole.push(trace.clone());
            }
        }
        fs::write(self.work.join("trace.html"), html::page(&traces))?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = traces;
        Ok(whole)
    }

    fn what_is_missing(&self, patience: Duration) -> String {
        let mut sentence = format!("no whole trace in {} s", patience.as_secs());
        for trace in traces(&self.spans) {
            let problems = trace.problems().join("; ");
            sentence += &format!("\n{}not whole: {problems}", text::tree(&trace));
        }
        if self.spans.is_empty() {
            sentence += ": no span has arrived";
        }
        sentence
    }
}
