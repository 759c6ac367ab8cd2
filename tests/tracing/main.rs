//! The statements in `docs/tracing.md` about `tracing-opentelemetry`: what works and what does not.

#[path = "../common/mod.rs"]
mod common;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sentry::{continue_trace, trace_data, OutgoingUrlExt, Sentry, TraceData};
use tracing::field::Empty;
use tracing::{debug_span, info_span, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{registry, Layer};

use common::{sentry_trace, DSN, SPAN_ID, TRACE_ID};

const SHOP: &str = "https://api.myecommerce.com";
const ELSEWHERE: &str = "https://elsewhere.example";
const DSC: &str = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-sample_rand=0.250000";

fn sentry() -> Sentry {
    let builder = Sentry::builder().dsn(DSN).traces_sample_rate(0.0);
    builder.trace_propagation_targets([SHOP]).build().unwrap()
}

/// Runs under a subscriber with a filter for one layer or for all.
fn with_subscriber(per_layer: bool, run: impl FnOnce()) {
    let provider = SdkTracerProvider::builder().with_sampler(sentry().sampler()).build();
    let tracer = provider.tracer("test");
    let subscriber: Box<dyn Subscriber + Send + Sync> = if per_layer {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Box::new(registry().with(layer.with_filter(LevelFilter::INFO)))
    } else {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        Box::new(registry().with(LevelFilter::INFO).with(layer))
    };
    tracing::subscriber::with_default(subscriber, run);
}

/// The headers of a span that continues a trace with this flag.
fn continued(span: &Span, flag: &str) -> TraceData {
    let incoming = [("sentry-trace", sentry_trace(flag)), ("baggage", DSC.to_owned())];
    let parent = continue_trace(&sentry().propagator(), &TraceData::from(incoming));
    // An error if the subscriber's filter disabled the span.
    let _ = span.set_parent(parent);
    trace_data(&sentry().propagator(), &span.context())
}

#[test]
fn flag_and_dsc_go_through_and_targets_hold() {
    with_subscriber(false, || {
        for flag in ["-1", "-0"] {
            let span = info_span!("GET", otel.kind = "client", url.full = SHOP);
            let data = continued(&span, flag);
            let trace = data.get("sentry-trace").unwrap();
            assert!(trace.starts_with(TRACE_ID) && trace.ends_with(flag), "{trace}");
            assert!(!trace.contains(SPAN_ID), "{trace}");
            assert_eq!(data.get("baggage"), Some(DSC));

            let span = info_span!("GET", otel.kind = "client", url.full = ELSEWHERE);
            assert!(continued(&span, flag).is_empty());
        }
    });
}

#[test]
fn fields_count_until_the_span_starts() {
    with_subscriber(false, || {
        let span = info_span!("GET", otel.kind = "client", url.full = Empty);
        span.record("url.full", ELSEWHERE);
        assert!(continued(&span, "-1").is_empty(), "recorded in time");

        let span = info_span!("GET", otel.kind = "client", url.full = Empty);
        let cx = { span.in_scope(|| span.context()) };
        span.record("url.full", ELSEWHERE);
        assert!(!trace_data(&sentry().propagator(), &cx).is_empty(), "recorded too late");
        let cx = cx.with_outgoing_url(ELSEWHERE);
        assert!(trace_data(&sentry().propagator(), &cx).is_empty(), "set later");
    });
}

/// Documented: it sends no headers, not even those of the incoming trace.
#[test]
fn a_filtered_span_does_not_exist() {
    for per_layer in [false, true] {
        with_subscriber(per_layer, || {
            let span = debug_span!("GET", otel.kind = "client", url.full = SHOP);
            assert!(continued(&span, "-1").is_empty(), "{per_layer}");
            // Also below a span that passes the filter.
            let outer = info_span!("GET /buy", otel.kind = "server");
            assert!(!continued(&outer, "-1").is_empty());
            outer.in_scope(|| {
                let span = debug_span!("GET", otel.kind = "client", url.full = SHOP);
                let sent = trace_data(&sentry().propagator(), &span.context());
                assert!(sent.is_empty(), "{per_layer}");
            });
        });
    }
}
