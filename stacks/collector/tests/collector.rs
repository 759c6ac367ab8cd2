//! `docs/collector.yaml` and `docs/collector_tail_sampling.yaml` in a real Collector: how this
//! crate's spans and logs arrive in the Sentry behind it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use collector::{
    assert_page, attribute, environment, release, weight, Collector, Project, Received,
};
use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    SpanId, SpanKind, Status, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::Context;
use opentelemetry_otlp::{LogExporter, Protocol, WithExportConfig};
use opentelemetry_proto::tonic::trace::v1::{status::StatusCode, Span};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{IdGenerator, SdkTracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sentry::{Sentry, SentryLogExporter};

const TAIL_SAMPLING: &str = "collector_tail_sampling.yaml";
const GATE: &str = "--feature-gates=processor.tailsamplingprocessor.usetracestate";
const TIMEOUT: Duration = Duration::from_secs(10);

/// The number of traces that a service starts or continues. Every fifth has an error.
const TRACES: u64 = 60;
const ERRORS: usize = 12;
const RATE: f64 = 0.5;
const M: u64 = 1 << 56;

#[test]
fn what_arrives_in_sentry() {
    let mut page = String::from(
        "## Through a Collector\n\n\
        `stacks/collector` builds a Collector from its modules and runs the files of \
        `docs/otlp.md` in it. It reads what a fake Sentry on loopback receives as Sentry would.\n\n\
        | `collector.yaml`: in a span and in a log record | arrives as |\n| --- | --- |\n",
    );
    for (what, arrived) in as_documented() {
        let _ = writeln!(page, "| {what} | {arrived} |");
    }
    let _ = write!(
        page,
        "\n`collector_tail_sampling.yaml` keeps errors and a quarter of the rest. {TRACES} traces, \
        {ERRORS} of them with an error, start at rate {RATE}, or are continued from a Sentry SDK \
        that has sampled {TRACES} at rate {RATE}. A cell has the number of kept traces, the weight \
        of each, and the number that they represent:\n\n\
        | | errors | others | actual number of others |\n| --- | --- | --- | --- |\n"
    );
    let others_at_head = TRACES as usize - ERRORS;
    let others_continued = others_at_head * 2;
    let mut line = |case: &str, found: &Kept, others: usize| {
        let _ = writeln!(page, "| {case} | {} | {} | {others} |", found.errors, found.others);
    };

    let right = tail_sampled(&[GATE]);
    right.heads.assert(ERRORS as f64, others_at_head as f64, "heads");
    right.continued.assert(2.0 * ERRORS as f64, others_continued as f64, "continued");
    // Heads at a rate below the Collector's: every received trace is kept. An unknown rate counts
    // as 1.
    assert_eq!(right.rare.errors.to_string(), "1 × 10 = 10");
    assert_eq!(right.rare.others.to_string(), "5 × 10 = 50");
    assert_eq!(
        (right.no_rate.errors.traces(), right.no_rate.errors.weights()),
        (ERRORS, vec!["1"])
    );
    assert_eq!(right.no_rate.others.weights(), ["4"]);
    line("as documented, heads", &right.heads, others_at_head);
    line("as documented, continued", &right.continued, others_continued);
    line("as documented, `sentry-trace` without a rate", &right.no_rate, others_at_head);

    // Each of the two required parts is left out once. The errors' weights stay correct.
    let without_transform = "--set=service.pipelines.traces.processors=[tail_sampling,batch]";
    for (case, arguments) in [
        ("without the feature gate", &[] as &[&str]),
        ("without `transform/weight`", &[GATE, without_transform]),
    ] {
        let wrong = tail_sampled(arguments);
        for (of, kept, others) in [
            ("heads", &wrong.heads, others_at_head),
            ("continued", &wrong.continued, others_continued),
        ] {
            assert_eq!(kept.errors.weights(), ["2"], "{case}, {of}");
            assert_eq!(
                kept.others.weights(),
                ["2"],
                "{case}, {of}: the wrong weight is expected here"
            );
            assert!(kept.others.estimate() < others as f64, "{case}, {of}");
            line(&format!("{case}, {of}"), kept, others);
        }
    }
    page.push_str(
        "\nSo the weight of an error is always correct: it is the head's. The weight of the \
        others is correct only if the sampler writes its own rate into `ot=th`, which needs its \
        feature gate, and if the attribute that Sentry reads first is updated too.\n",
    );
    assert_page(&page);
}

/// Spans of `install` with a Collector's URL, and log records beside them.
fn as_documented() -> Vec<(String, String)> {
    let project = Project::start().expect("a Sentry");
    let collector = Collector::start("collector.yaml", &[], &project);
    let sentry = Sentry::builder()
        .dsn(project.dsn())
        .release("shop@1.2.3")
        .environment("staging")
        .traces_sample_rate(RATE)
        .build()
        .expect("settings");
    let installed =
        sentry.install_builder("shop").collector(collector.traces_url()).install().expect("once");
    let logs = logger_provider(&sentry, &collector.logs_url());
    let logger = logs.logger("shop");
    let tracer = installed.tracer("shop");

    // Repeats until one is sampled, because the ids are random.
    let span_context = loop {
        let span = tracer.span_builder("GET /cart").with_kind(SpanKind::Server).start(&tracer);
        let cx = Context::new().with_span(span);
        if cx.span().span_context().is_sampled() {
            let _active = cx.clone().attach();
            let mut record = logger.create_log_record();
            record.set_severity_number(Severity::Warn);
            record.set_body("the cart is empty".into());
            logger.emit(record);
            cx.span().end();
            break cx.span().span_context().clone();
        }
    };
    installed.shutdown().expect("the span is exported");
    logs.shutdown_with_timeout(TIMEOUT).expect("the record is exported");
    let received = project.take_when(|got| !got.spans.is_empty() && !got.logs.is_empty());

    let [(resource, span)] = &*received.spans else { panic!("{received:?}") };
    let [(log_resource, record)] = &*received.logs else { panic!("{received:?}") };
    assert_eq!(span.trace_id, span_context.trace_id().to_bytes());
    assert_eq!(span.span_id, span_context.span_id().to_bytes());
    assert_eq!((&record.trace_id, &record.span_id), (&span.trace_id, &span.span_id));
    let auth = format!("sentry sentry_key={}", project.public_key());
    let mut requests = received.requests.clone();
    requests.sort();
    let paths = ["logs", "traces"].map(|kind| format!("/api/42/integration/otlp/v1/{kind}/"));
    let expected = paths.clone().map(|path| (path, Some(auth.clone())));
    assert_eq!(requests, expected);
    let services = [resource, log_resource].map(|of| attribute(of, "service.name"));
    assert_eq!(services[0].as_deref(), Some("shop"), "{resource:?}");
    assert_eq!(services[1], services[0], "{log_resource:?}");
    let releases = [release(&span.attributes), release(&record.attributes)];
    assert_eq!(releases.each_ref().map(Option::as_deref), [Some("shop@1.2.3"); 2]);
    let environments =
        [environment(&span.attributes, resource), environment(&record.attributes, log_resource)];
    assert_eq!(environments.each_ref().map(Option::as_deref), [Some("staging"); 2]);
    assert_eq!(weight(span), 1.0 / RATE);
    let ot = span.trace_state.split(',').find(|member| member.starts_with("ot="));
    assert_eq!(ot, Some("ot=th:8"), "{}", span.trace_state);

    let [logs, traces] = paths;
    [
        ("path", format!("`{traces}`, `{logs}`")),
        ("`x-sentry-auth`", "`sentry sentry_key=<key>`, from the Collector".to_owned()),
        ("trace id, span id", "as in the service; the record has the span's".to_owned()),
        ("release, environment", "`shop@1.2.3`, `staging`, in both".to_owned()),
        ("`service.name`", "`shop`, in both".to_owned()),
        ("weight at rate 0.5", format!("{}, and `{}`", weight(span), ot.unwrap_or_default())),
    ]
    .map(|(what, arrived)| (what.to_owned(), arrived))
    .into()
}

fn logger_provider(sentry: &Sentry, url: &str) -> SdkLoggerProvider {
    let exporter = LogExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .with_timeout(TIMEOUT)
        .build()
        .expect("an exporter");
    let resource = Resource::builder().with_service_name("shop").build();
    SdkLoggerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(SentryLogExporter::new(sentry, exporter))
        .build()
}

/// Both services' traces that the tail sampler kept.
struct TailSampled {
    heads: Kept,
    continued: Kept,
    /// Heads at a rate of 0.1, below the Collector's.
    rare: Kept,
    /// Continued from a head that sends only its flag.
    no_rate: Kept,
}

fn tail_sampled(arguments: &[&str]) -> TailSampled {
    let project = Project::start().expect("a Sentry");
    let collector = Collector::start(TAIL_SAMPLING, arguments, &project);
    let settings = Sentry::builder().dsn(project.dsn()).release("shop@1.2.3");
    let sentry = settings.traces_sample_rate(RATE).build().expect("settings");
    let propagator = sentry.propagator();
    run(&sentry, "heads", &collector, |_| Context::new());
    run(&sentry, "continued", &collector, |index| propagator.extract(&sampled_head(index)));

    let rare = Sentry::builder().dsn(project.dsn()).traces_sample_rate(0.1).build();
    run(&rare.expect("settings"), "rare", &collector, |_| Context::new());
    run(&sentry, "no rate", &collector, |index| {
        let mut headers = sampled_head(index);
        headers.remove("baggage");
        // Separate trace ids.
        headers.values_mut().for_each(|value| value.replace_range(..1, "f"));
        propagator.extract(&headers)
    });

    // The last service's errors have arrived here. Its other kept spans arrive within a second
    // wait.
    let mut received = project.take_when(|got| kept(got, "no rate").errors.traces() >= ERRORS);
    std::thread::sleep(Duration::from_secs(3));
    received.spans.extend(project.take_when(|_| true).spans);
    TailSampled {
        heads: kept(&received, "heads"),
        continued: kept(&received, "continued"),
        rare: kept(&received, "rare"),
        no_rate: kept(&received, "no rate"),
    }
}

/// Headers of a Sentry SDK that has sampled. The `sample_rand` is independent of the trace id and
/// spread evenly below the rate.
fn sampled_head(index: u64) -> HashMap<String, String> {
    let id = TraceId::from(u128::from(index + 1) << 64 | 0x8000_0000_0000_0001);
    let rand = RATE * (index as f64 + 0.5) / TRACES as f64;
    let dsc = format!(
        "sentry-trace_id={id},sentry-sample_rand={rand:.6},sentry-sample_rate={RATE},\
         sentry-sampled=true"
    );
    HashMap::from([
        ("sentry-trace".to_owned(), format!("{id}-7dd6b3a1fb4d9c2a-1")),
        ("baggage".to_owned(), dsc),
    ])
}

/// Trace ids whose last 56 bits are spread evenly.
#[derive(Debug)]
struct SpreadIds {
    /// The first 64 bits are per service, so that no two services share a trace.
    service: u64,
    traces: AtomicU64,
    spans: AtomicU64,
}

impl IdGenerator for SpreadIds {
    fn new_trace_id(&self) -> TraceId {
        let index = self.traces.fetch_add(1, Ordering::Relaxed);
        let randomness = (2 * index + 1) * (M / (2 * TRACES));
        TraceId::from(u128::from(self.service) << 64 | 0xb1 << 56 | u128::from(randomness))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Each trace has a SERVER span and a child span, which fails in every fifth trace.
fn run(
    sentry: &Sentry,
    name: &'static str,
    collector: &Collector,
    parent: impl Fn(u64) -> Context,
) {
    let exporter = sentry.span_exporter_to(&collector.traces_url()).expect("an exporter");
    let service = name.bytes().fold(0, |sum, byte| sum << 8 | u64::from(byte));
    let provider = SdkTracerProvider::builder()
        .with_sampler(sentry.sampler())
        .with_id_generator(SpreadIds { service, traces: 0.into(), spans: 0.into() })
        .with_resource(Resource::builder().with_service_name(name).build())
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("test");
    for index in 0..TRACES {
        let parent = parent(index);
        let server = tracer.span_builder("server").with_kind(SpanKind::Server);
        let server = parent.with_span(server.start_with_context(&tracer, &parent));
        let inner = server.with_span(tracer.start_with_context("inner", &server));
        if index % 5 == 0 {
            inner.span().set_status(Status::error("out of stock"));
        }
        inner.span().end();
        server.span().end();
    }
    provider.shutdown_with_timeout(TIMEOUT).expect("every span is exported");
}

/// The number of traces of each weight, by the weight's text.
#[derive(Debug, Default, PartialEq)]
struct Weighted(BTreeMap<String, usize>);

#[derive(Debug, Default)]
struct Kept {
    errors: Weighted,
    others: Weighted,
}

/// The service's traces that arrived, each with both of its spans and one weight.
fn kept(received: &Received, service: &str) -> Kept {
    let mut traces: BTreeMap<&[u8], Vec<_>> = BTreeMap::new();
    for (resource, span) in &received.spans {
        if attribute(resource, "service.name").as_deref() == Some(service) {
            traces.entry(&span.trace_id).or_default().push(span);
        }
    }
    let mut kept = Kept::default();
    for spans in traces.into_values() {
        let weights: Vec<f64> = spans.iter().map(|span| weight(span)).collect();
        let [first, second] = *weights else { continue };
        assert_eq!(first, second, "one trace, one weight: {spans:?}");
        let kind = if spans.iter().any(|span| is_error(span)) {
            &mut kept.errors
        } else {
            &mut kept.others
        };
        // A 56-bit rate rounds to a slightly different 53-bit number.
        let rounded = (first * 1e6).round() / 1e6;
        *kind.0.entry(rounded.to_string()).or_default() += 1;
    }
    kept
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

impl Kept {
    #[track_caller]
    fn assert(&self, errors: f64, others: f64, case: &str) {
        assert_eq!(self.errors.estimate(), errors, "{case}: {self:?}");
        assert_eq!(self.others.estimate(), others, "{case}: {self:?}");
    }
}

impl Weighted {
    fn traces(&self) -> usize {
        self.0.values().sum()
    }

    fn weights(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The number of traces that these represent.
    fn estimate(&self) -> f64 {
        let product = |(weight, traces): (&String, &usize)| {
            weight.parse::<f64>().expect("a number") * *traces as f64
        };
        self.0.iter().map(product).sum()
    }
}

impl std::fmt::Display for Weighted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each: Vec<String> =
            self.0.iter().map(|(weight, traces)| format!("{traces} × {weight}")).collect();
        write!(f, "{} = {}", each.join(" + "), self.estimate())
    }
}
