//! A whole request through the propagator alone, in a string map and in an HTTP header map.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::Context;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sentry::{Sentry, SentryPropagator};

use super::choices::{Choices, CHOICES};
use super::forwarded::assert_forwarded;
use super::ids::DSN;
use super::reader::{self, entries, Entries, Trace};
use super::{sound, spans, untouched, wrapped};

pub(crate) type Headers = HashMap<String, String>;

/// A request and the service that receives it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// Names in lower case, in order.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The context's own baggage.
    pub(crate) own: Vec<(String, String)>,
    pub(crate) service: Service,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Service {
    pub(crate) dsn: bool,
    pub(crate) strict: bool,
    pub(crate) nowhere: bool,
    pub(crate) propagate_traceparent: bool,
    pub(crate) prefer_traceparent: bool,
    pub(crate) rewrite_tracestate: bool,
    pub(crate) rate: Option<f64>,
}

impl Service {
    /// One letter for each setting.
    fn parse(letters: &str) -> Self {
        let is_set = |letter| letters.contains(letter);
        Service {
            dsn: is_set('d'),
            strict: is_set('s'),
            nowhere: is_set('n'),
            propagate_traceparent: is_set('p'),
            prefer_traceparent: is_set('r'),
            rewrite_tracestate: is_set('t'),
            rate: [('0', 0.0), ('2', 0.25), ('1', 1.0)]
                .into_iter()
                .find_map(|(letter, rate)| is_set(letter).then_some(rate)),
        }
    }

    pub(crate) fn sentry(self) -> Sentry {
        let mut builder = Sentry::builder()
            .strict_trace_continuation(self.strict)
            .propagate_traceparent(self.propagate_traceparent)
            .prefer_traceparent(self.prefer_traceparent)
            .rewrite_tracestate(self.rewrite_tracestate);
        if self.dsn {
            builder = builder.dsn(DSN).release("shop@1.2.3");
        }
        if self.nowhere {
            builder = builder.trace_propagation_targets([""; 0]);
        }
        if let Some(rate) = self.rate {
            builder = builder.traces_sample_rate(rate);
        }
        builder.build().expect("settings")
    }

    pub(crate) fn org_id(self) -> Option<&'static str> {
        self.dsn.then_some("1")
    }
}

impl Request {
    /// Reads `name: value` lines. `settings` and `own` are not headers.
    pub(crate) fn parse(input: &[u8]) -> Self {
        if let Some((&CHOICES, rest)) = input.split_first() {
            return Self::choose(&mut Choices::new(rest));
        }
        let mut request = Request::default();
        for line in input.split(|byte| *byte == b'\n') {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let text = String::from_utf8_lossy(value);
            match &*name {
                "settings" => request.service = Service::parse(&text),
                "own" => request.own.extend(
                    text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())),
                ),
                _ => request.headers.push((name, value.to_owned())),
            }
        }
        request
    }

    fn choose(choices: &mut Choices<'_>) -> Self {
        let mut request = Request::default();
        let mut push =
            |name: &str, value: String| request.headers.push((name.to_owned(), value.into()));
        for _ in 0..choices.pick(&[1, 1, 1, 1, 0, 2]) {
            push("sentry-trace", choices.sentry_trace());
        }
        for _ in 0..choices.pick(&[1, 1, 1, 0, 2, 3]) {
            push("baggage", choices.baggage());
        }
        if choices.below(3) == 0 {
            push("traceparent", choices.traceparent());
        }
        for _ in 0..choices.pick(&[0, 0, 0, 1, 1, 2, 3]) {
            push("tracestate", choices.tracestate());
        }
        if choices.one_in(12) {
            let name = choices.pick(&["sentry-trace", "baggage"]);
            let at = choices.below(request.headers.len() + 1);
            request.headers.insert(at, (name.to_owned(), b"sentry-release=\xff\xfe".to_vec()));
        }
        for n in 0..choices.pick(&[0, 0, 0, 0, 1, 2, 62, 70]) {
            let value = choices.pick(&[
                "v",
                "a b",
                "é",
                "%",
                "\n",
                "\u{1}\"",
                "",
                "v;p=1,evil=1",
                "v;a,b",
                "v;,",
                "v;=x",
                "v;k+b=2;;q",
                "v,evil=1",
                "v;p=\r\n,evil=1",
                "v;é=1;p",
                "v; p = 1 ;\tq",
            ]);
            let key = match n {
                0 => choices.pick(&["k", "sentry-release", "tenant", "a%b"]),
                _ => "k",
            };
            request.own.push((format!("{key}{n}"), value.to_owned()));
        }
        let letters: String = (0..4)
            .map(|_| choices.pick(&['d', 's', 'n', 'p', 'r', 't', '1', '2', '0', '-', '-', '-']))
            .collect();
        request.service = Service::parse(&letters);
        request
    }

    pub(crate) fn string_map(&self) -> Headers {
        let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
        self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// The headers that HTTP can carry.
    fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        headers
    }

    /// A context with the request's own baggage, limited to what OTel accepts.
    pub(crate) fn context(&self) -> Context {
        let mut baggage = Baggage::new();
        for (key, value) in &self.own {
            let (value, metadata) = value.split_once(';').unwrap_or((value, ""));
            let _ = baggage.insert_with_metadata(key.clone(), value.to_owned(), metadata);
        }
        Context::new().with_baggage(baggage)
    }
}

/// The values that a carrier shows of a header; none if it does not show the first value.
pub(crate) fn shown<'a>(carrier: &'a dyn Extractor, name: &str) -> Option<Vec<&'a str>> {
    carrier.get(name).and_then(|_| carrier.get_all(name))
}

pub(crate) fn check(input: &[u8]) {
    let request = Request::parse(input);
    let (strings, http) = (request.string_map(), request.header_map());
    check_carrier(&request, &strings);
    check_carrier(&request, &HeaderExtractor(&http));
}

fn check_carrier(request: &Request, carrier: &dyn Extractor) {
    let sentry = request.service.sentry();
    let cx = request.context();
    let propagator = sentry.propagator();
    let extracted = propagator.extract_with_context(&cx, carrier);
    let sent = send(&propagator, &extracted);
    check_alone(request, carrier, &extracted, &sent);
    wrapped::check_carrier(request, &sentry, carrier);
    wrapped::check_third_party(&sentry, carrier);
    untouched::check(request, &sentry, carrier);
    #[cfg(feature = "sdk")]
    spans::check_below(&sentry, request.service, &extracted);
}

/// The injected headers, in a string map and in an HTTP header map. Injecting twice changes
/// nothing.
#[track_caller]
pub(crate) fn send(propagator: &dyn TextMapPropagator, cx: &Context) -> Headers {
    let mut sent = Headers::new();
    propagator.inject_context(cx, &mut sent);
    sound::assert_request(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));

    let mut headers = HeaderMap::new();
    for _ in 0..2 {
        propagator.inject_context(cx, &mut HeaderInjector(&mut headers));
    }
    assert_eq!(headers.len(), sent.len(), "{sent:?}");
    let fields: Vec<&str> = propagator.fields().collect();
    for (name, value) in &sent {
        assert!(fields.contains(&name.as_str()), "{name}");
        let again = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // OTel's baggage has no fixed order.
        assert!(
            again == value || name == "baggage" && again.len() == value.len(),
            "{name}: {again:?}"
        );
    }
    sent
}

/// The trace that the propagator alone continues, and its DSC.
fn continued(request: &Request, carrier: &dyn Extractor) -> Option<(Trace, Entries)> {
    let trace = reader::first_sentry_trace(&shown(carrier, "sentry-trace")?)?;
    let mut came = entries(&carrier.get_all("baggage").unwrap_or_default());
    let Service { strict, .. } = request.service;
    if reader::refuses(request.service.org_id(), strict, &came) {
        return None;
    }
    if reader::names_other_trace(&came, &trace.trace_id) {
        came.clear();
    }
    Some((trace, came))
}

fn check_alone(request: &Request, carrier: &dyn Extractor, extracted: &Context, sent: &Headers) {
    let Some((trace, came)) = continued(request, carrier) else {
        assert!(!extracted.has_active_span(), "{request:?}");
        assert!(sent.is_empty(), "{sent:?} of {request:?}");
        untouched::assert_same_baggage(&request.context(), extracted);
        return;
    };
    untouched::assert_same_baggage(&request.context(), extracted);
    assert_remote(&trace, extracted.span().span_context());
    if request.service.nowhere {
        assert!(!sent.contains_key("sentry-trace") && !sent.contains_key("baggage"), "{sent:?}");
        return;
    }
    assert_eq!(sent.get("sentry-trace"), Some(&trace.header()), "{request:?}");
    let traceparent = sent.get("traceparent").map(String::as_str);
    let flag = if trace.sampled == Some(true) { "01" } else { "00" };
    let expected = format!("00-{}-{}-{flag}", trace.trace_id, trace.span_id);
    let expected = request.service.propagate_traceparent.then_some(&*expected);
    assert_eq!(traceparent, expected, "{request:?}");
    let list = sent.get("baggage").map_or("", String::as_str);
    assert_forwarded(&trace, &came, &entries(&[list]), true, request);
    check_own(extracted.baggage(), list);

    // The next service reads and forwards all of it.
    if extracted.baggage().is_empty() {
        let next = SentryPropagator::new();
        let mut expected = sent.clone();
        expected.retain(|name, _| name == "sentry-trace" || name == "baggage");
        assert_eq!(send(&next, &next.extract(sent)), expected, "{request:?}");
    }
}

fn assert_remote(trace: &Trace, span_context: &SpanContext) {
    assert!(span_context.is_remote());
    assert_eq!(span_context.trace_id().to_string(), trace.trace_id);
    assert_eq!(span_context.span_id().to_string(), trace.span_id);
    assert_eq!(span_context.is_sampled(), trace.sampled == Some(true));
    sound::assert_tracestate(&span_context.trace_state().header());
}

/// The context's own members come encoded before the DSC, all of them if they fit.
fn check_own(own: &Baggage, list: &str) {
    let expected: Vec<String> = own
        .iter()
        .map(|(key, (value, _))| {
            let key = key.as_str().replace('%', "%25");
            format!("{key}={}", reader::unreserved(value.as_str()))
        })
        .collect();
    let found: Vec<&str> = list
        .split(',')
        .filter(|member| !member.is_empty() && !member.starts_with("sentry-"))
        .collect();
    for member in &found {
        let without_properties = member.split(';').next().unwrap_or_default();
        assert!(expected.iter().any(|own| own == without_properties), "{member:?} of {expected:?}");
    }
    let others = list.split(',').filter(|member| member.starts_with("sentry-"));
    let (count, bytes) = others.fold((0, 0), |(n, len), member| (n + 1, len + member.len() + 1));
    let metadata: usize =
        own.iter().map(|(_, (_, metadata))| 3 * metadata.as_str().len() + 1).sum();
    let bytes = bytes + metadata + expected.iter().map(|member| member.len() + 1).sum::<usize>();
    if count + expected.len() <= reader::MAX_MEMBERS && bytes <= reader::MAX_BYTES {
        assert_eq!(found.len(), expected.len(), "{list:?} of {expected:?}");
    }
}
