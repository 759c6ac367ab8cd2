//! The harness's own relay. Without a fault it is correct; each fault breaks one thing.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::get;
use axum::{Json, Router};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_sentry::Sentry;
use serde::Deserialize;
use serde_json::{json, Value};

use crate::mode::Mode;
use crate::relay::{ENVIRONMENT, PUBLIC_KEY, RELEASE};
use crate::serve;
use crate::wire::{percent_decode, percent_encode};

/// The faults of a relay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    DropsBaggage,
    AlwaysSampled,
    NewTraceId,
    ReencodesDsc,
    DscOfAnotherTrace,
    ParentIsTheServerSpan,
    DecidesDeferred,
    OwnDscOverAFrozenOne,
    LeaksOurMember,
    ThresholdOfNothing,
    SplitsTracestate,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::DropsBaggage,
        Self::AlwaysSampled,
        Self::NewTraceId,
        Self::ReencodesDsc,
        Self::DscOfAnotherTrace,
        Self::ParentIsTheServerSpan,
        Self::DecidesDeferred,
        Self::OwnDscOverAFrozenOne,
        Self::LeaksOurMember,
        Self::ThresholdOfNothing,
        Self::SplitsTracestate,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DropsBaggage => "drops `baggage`",
            Self::AlwaysSampled => "always sends `-1`",
            Self::NewTraceId => "sends a new trace id",
            Self::ReencodesDsc => "decodes and re-encodes the DSC",
            Self::DscOfAnotherTrace => "sends the DSC of another trace",
            Self::ParentIsTheServerSpan => "sends the id of its server span",
            Self::DecidesDeferred => "sends `-0` for a deferred trace",
            Self::OwnDscOverAFrozenOne => "sends its own DSC over a frozen one",
            Self::LeaksOurMember => "leaves its `sentry` members in `tracestate`",
            Self::ThresholdOfNothing => "writes `th` for a trace that is not sampled",
            Self::SplitsTracestate => "sends `tracestate` in two lines",
        }
    }

    /// Whether it shows only in W3C's headers, which some relays don't send.
    pub(crate) fn is_of_w3c(self) -> bool {
        matches!(self, Self::LeaksOurMember | Self::ThresholdOfNothing | Self::SplitsTracestate)
    }

    /// Breaks the headers that the client span sends below the server span.
    fn apply(
        self,
        headers: &mut HeaderMap,
        server_span_id: &str,
        trace_state: &str,
        last: &Mutex<HeaderValue>,
    ) {
        let sentry_trace = headers["sentry-trace"].to_str().expect("text").to_owned();
        let (trace_id, rest) = sentry_trace.split_at(32);
        let (span_id, flag) = rest[1..].split_at(16);
        let baggage = headers.get("baggage").cloned();
        let mut set = |name: &'static str, value: String| {
            headers.insert(name, HeaderValue::from_str(&value).expect("a header value"));
        };
        match self {
            Self::DropsBaggage => drop(headers.remove("baggage")),
            Self::AlwaysSampled => set("sentry-trace", format!("{trace_id}-{span_id}-1")),
            Self::NewTraceId => {
                let reversed: String = trace_id.chars().rev().collect();
                set("sentry-trace", format!("{reversed}-{span_id}{flag}"));
                if let Some(baggage) = baggage {
                    let baggage = baggage.to_str().expect("text");
                    set("baggage", baggage.replace(trace_id, &reversed));
                }
            }
            Self::ReencodesDsc => {
                if let Some(baggage) = baggage {
                    let members = baggage.to_str().expect("text").split(',').map(|member| {
                        let (key, value) = member.split_once('=').expect("a member has a `=`");
                        let value = percent_decode(value).expect("an encoded value");
                        format!("{key}={}", percent_encode(&value))
                    });
                    set("baggage", members.collect::<Vec<_>>().join(","));
                }
            }
            Self::DscOfAnotherTrace => {
                if let Some(baggage) = baggage {
                    let mut last = last.lock().expect("no holder panics");
                    headers.insert("baggage", std::mem::replace(&mut last, baggage));
                }
            }
            Self::ParentIsTheServerSpan => {
                set("sentry-trace", format!("{trace_id}-{server_span_id}{flag}"));
            }
            Self::DecidesDeferred if flag.is_empty() => {
                set("sentry-trace", format!("{trace_id}-{span_id}-0"));
            }
            Self::DecidesDeferred => {}
            Self::OwnDscOverAFrozenOne => {
                let (release, environment) = (percent_encode(RELEASE), percent_encode(ENVIRONMENT));
                set(
                    "baggage",
                    format!(
                        "sentry-trace_id={trace_id},sentry-public_key={PUBLIC_KEY},\
                        sentry-release={release},sentry-environment={environment}"
                    ),
                );
            }
            Self::LeaksOurMember => set("tracestate", trace_state.to_owned()),
            Self::ThresholdOfNothing => {
                let sent = |name| headers.get(name)?.to_str().ok();
                if sent("traceparent").is_some_and(|value: &str| value.ends_with("-00")) {
                    let others = sent("tracestate").unwrap_or_default().split(',');
                    let others = others.filter(|m| !m.is_empty() && !m.starts_with("ot="));
                    let members: Vec<&str> = ["ot=th:0"].into_iter().chain(others).collect();
                    let members = members.join(",");
                    headers.insert("tracestate", members.parse().expect("a header value"));
                }
            }
            Self::SplitsTracestate => {
                let list = headers.get("tracestate").and_then(|value| value.to_str().ok());
                if let Some((first, rest)) = list.and_then(|list| list.split_once(',')) {
                    let [first, rest] = [first, rest].map(|l| l.parse().expect("a header value"));
                    headers.insert("tracestate", first);
                    headers.append("tracestate", rest);
                }
            }
        }
    }
}

pub(crate) struct Faulty {
    propagator: Box<dyn TextMapPropagator + Send + Sync>,
    tracer: SdkTracer,
    client: reqwest::Client,
    fault: Option<Fault>,
    last_baggage: Mutex<HeaderValue>,
}

impl Faulty {
    /// Serves on the test's runtime until the runtime ends. Returns the address.
    pub(crate) async fn start(mode: Mode, rate: Option<&str>, fault: Option<Fault>) -> String {
        let mut sentry = Sentry::builder()
            .dsn(format!("http://{PUBLIC_KEY}@127.0.0.1:9/1"))
            .release(RELEASE)
            .environment(ENVIRONMENT);
        if let Some(rate) = rate {
            sentry = sentry.traces_sample_rate(rate.parse().expect("a rate"));
        }
        let sentry = sentry.build().expect("the settings are valid");
        let provider = SdkTracerProvider::builder().with_sampler(sentry.sampler()).build();
        let last = "sentry-trace_id=771a43a4192642f0b136d5159a501700,sentry-public_key=other";
        let propagator: Box<dyn TextMapPropagator + Send + Sync> = match mode {
            Mode::Alone => Box::new(sentry.propagator()),
            Mode::Wrap => {
                let w3c = TextMapCompositePropagator::new(vec![
                    Box::new(TraceContextPropagator::new()),
                    Box::new(BaggagePropagator::new()),
                ]);
                Box::new(sentry.propagator().wrap(w3c))
            }
            Mode::WrapWithinTargets | Mode::List => unreachable!("no fault uses it"),
        };
        let relay = Self {
            propagator,
            tracer: provider.tracer("relay"),
            client: crate::client(),
            fault,
            last_baggage: Mutex::new(HeaderValue::from_static(last)),
        };
        serve(Router::new().route("/relay", get(relay_request)).with_state(Arc::new(relay))).await
    }

    fn start_span(&self, name: &'static str, kind: SpanKind, parent: &Context) -> Context {
        let span = self
            .tracer
            .span_builder(name)
            .with_kind(kind)
            .with_attributes([KeyValue::new("http.route", "/relay")])
            .start_with_context(&self.tracer, parent);
        parent.with_span(span)
    }
}

#[derive(Deserialize)]
struct RelayQuery {
    to: String,
}

async fn relay_request(
    State(relay): State<Arc<Faulty>>,
    Query(query): Query<RelayQuery>,
    headers: HeaderMap,
) -> Json<Value> {
    let parent = relay.propagator.extract_with_context(&Context::new(), &HeaderExtractor(&headers));
    let server = relay.start_span("GET /relay", SpanKind::Server, &parent);
    let client = relay.start_span("GET", SpanKind::Client, &server);
    let span_id = |context: &Context| context.span().span_context().span_id().to_string();

    let mut sent = HeaderMap::new();
    relay.propagator.inject_context(&client, &mut HeaderInjector(&mut sent));
    if let Some(fault) = relay.fault {
        let trace_state = client.span().span_context().trace_state().header();
        fault.apply(&mut sent, &span_id(&server), &trace_state, &relay.last_baggage);
    }
    let upstream = match relay.client.get(query.to).headers(sent).send().await {
        Ok(response) => response.json().await.unwrap_or_default(),
        Err(error) => Value::String(error.to_string()),
    };
    Json(json!({
        "trace_id": server.span().span_context().trace_id().to_string(),
        "span_id": span_id(&server),
        "parent_span_id": parent.span().span_context().is_valid().then(|| span_id(&parent)),
        "client_span_id": span_id(&client),
        "sampled": server.span().span_context().is_sampled(),
        "upstream": upstream,
    }))
}
