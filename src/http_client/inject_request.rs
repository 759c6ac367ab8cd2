//! Trace headers for one HTTP request.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::Request;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::Context;

use crate::http_client::merging_injector::MergingInjector;
use crate::http_client::outgoing_request::OutgoingRequest;
use crate::settings::destination::OutgoingUrlExt;
use crate::text::chars::trim_ows;
use crate::tracestate::member::is_ours;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::TRACESTATE_HEADER;

const SENTRY_TRACE: HeaderName = HeaderName::from_static(SENTRY_TRACE_HEADER);
const TRACESTATE: HeaderName = HeaderName::from_static(TRACESTATE_HEADER);

/// The most members of a `tracestate`
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#list)).
const MAX_TRACESTATE_MEMBERS: usize = 32;

/// Writes the context's trace headers into a request, if its URL is one of the targets.
///
/// The request keeps its own `baggage`, as with [`MergingInjector`]. Its `sentry-trace`, `sentry-*`
/// members of `baggage` and Sentry members of `tracestate` are always removed, even if the target
/// is denied or telemetry is suppressed: a request copied from an incoming one must not forward the
/// caller's. Other propagators' headers stay. If the `propagator` does not write `sentry-trace`,
/// the request is not changed.
///
/// If the URI has no scheme and host, the URL of the context counts, or the span's attributes. For
/// clients with their own request type use [`inject_headers`].
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry_sentry::{inject_request, SentryPropagator};
///
/// let propagator = SentryPropagator::new();
/// let mut request = http::Request::get("https://api.myecommerce.com/cart").body(())?;
/// inject_request(&propagator, &Context::current(), &mut request);
/// # Ok::<(), http::Error>(())
/// ```
///
/// Guide: [HTTP clients](crate::_documentation::custom_instrumentation#http-clients).
pub fn inject_request<B>(
    propagator: &dyn TextMapPropagator,
    cx: &Context,
    request: &mut Request<B>,
) {
    inject(propagator, cx, request);
}

/// Like [`inject_request`], for a client with its own request type: takes the URL and the request's
/// headers.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry_sentry::{inject_headers, SentryPropagator};
///
/// let url = "https://api.myecommerce.com/cart";
/// let mut request = reqwest::Client::new().get(url).build()?;
/// inject_headers(&SentryPropagator::new(), &Context::current(), url, request.headers_mut());
/// # Ok::<(), reqwest::Error>(())
/// ```
///
/// Guide: [HTTP clients](crate::_documentation::custom_instrumentation#http-clients).
pub fn inject_headers(
    propagator: &dyn TextMapPropagator,
    cx: &Context,
    url: &str,
    headers: &mut HeaderMap,
) {
    write(propagator, &cx.with_outgoing_url(url), headers);
}

/// The headers of any request that says where it goes.
pub(crate) fn inject(
    propagator: &dyn TextMapPropagator,
    cx: &Context,
    request: &mut impl OutgoingRequest,
) {
    let known = request.outgoing_url().map(|url| cx.with_outgoing_url(url));
    write(propagator, known.as_ref().unwrap_or(cx), request.headers_mut());
}

/// A context that knows its URL, if there is one; what is written is new, or nothing.
fn write(propagator: &dyn TextMapPropagator, cx: &Context, headers: &mut HeaderMap) {
    if propagator.fields().any(|field| field.eq_ignore_ascii_case(SENTRY_TRACE_HEADER)) {
        headers.remove(SENTRY_TRACE);
        MergingInjector(headers).remove_sentry_members();
        remove_tracestate_members(headers);
    }
    propagator.inject_context(cx, &mut MergingInjector(headers));
}

/// A caller's Sentry members of `tracestate` hold its DSC.
fn remove_tracestate_members(headers: &mut HeaderMap) {
    let members = || {
        let lines = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes);
        lines.flat_map(|line| line.split(|byte| *byte == b','))
    };
    if !members().any(is_sentry_member) {
        return;
    }
    let others = members().filter(|member| !is_blank(member) && !is_sentry_member(member));
    let others: Vec<&[u8]> = others.take(MAX_TRACESTATE_MEMBERS).collect();
    match HeaderValue::from_bytes(&others.join(&b',')) {
        Ok(list) if !list.is_empty() => headers.insert(TRACESTATE, list),
        _ => headers.remove(TRACESTATE),
    };
}

fn is_sentry_member(member: &[u8]) -> bool {
    let key = member.split(|byte| *byte == b'=').next().unwrap_or_default();
    std::str::from_utf8(key).is_ok_and(|key| is_ours(trim_ows(key)))
}

fn is_blank(member: &[u8]) -> bool {
    member.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}
