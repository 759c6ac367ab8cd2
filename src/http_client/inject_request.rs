//! Trace headers for one HTTP request.

use http::{Request, Uri};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::Context;

use crate::http_client::merging_injector::MergingInjector;
use crate::settings::targets::OutgoingUrlExt;

/// Writes the context's trace headers into a request, if its URL is one of the targets.
///
/// What the request has in `baggage` stays, as with [`MergingInjector`]. Of a URI without scheme
/// and host nothing is known; there the URL of the context holds, or the span's attributes.
///
/// For clients with a request of their own type, do what this does:
///
/// ```
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::Context;
/// use opentelemetry_sentry::{inject_request, MergingInjector, OutgoingUrlExt, SentryPropagator};
///
/// let propagator = SentryPropagator::new();
/// let mut request = http::Request::get("https://api.myecommerce.com/cart").body(())?;
/// inject_request(&propagator, &Context::current(), &mut request);
///
/// let mut request = reqwest::Client::new().get("https://api.myecommerce.com/cart").build()?;
/// let cx = Context::current().with_outgoing_url(request.url().as_str());
/// propagator.inject_context(&cx, &mut MergingInjector(request.headers_mut()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inject_request<B>(
    propagator: &dyn TextMapPropagator,
    cx: &Context,
    request: &mut Request<B>,
) {
    let known = url(request.uri()).map(|url| cx.with_outgoing_url(url));
    let cx = known.as_ref().unwrap_or(cx);
    propagator.inject_context(cx, &mut MergingInjector(request.headers_mut()));
}

/// An absolute URI without the user and the password before its host: they are nobody's business,
/// and `https://api.example@elsewhere.example` is not the host that it looks like.
pub(crate) fn url(uri: &Uri) -> Option<String> {
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let port = uri.port_u16().map_or(String::new(), |port| format!(":{port}"));
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    Some(format!("{scheme}://{host}{port}{path}"))
}
