//! A tower layer for HTTP clients: a CLIENT span and the trace headers for each request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{ready, Poll};
use std::{any, fmt, task};

use http::{Method, Request, Response, Uri};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::http_client::inject_request::{inject_request, url};
use crate::settings::targets::OutgoingUrlExt;
use crate::text::url::default_port;

/// Attribute names of OTel's
/// [HTTP conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
const REQUEST_METHOD: &str = "http.request.method";
const REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
const RESPONSE_STATUS_CODE: &str = "http.response.status_code";
const URL_FULL: &str = "url.full";
const SERVER_ADDRESS: &str = "server.address";
const SERVER_PORT: &str = "server.port";
const ERROR_TYPE: &str = "error.type";

/// What stands for a method that the conventions do not name, and for what must not be shown.
const OTHER_METHOD: &str = "_OTHER";
const REDACTED: &str = "REDACTED";

/// Keys of a query whose values are credentials.
const CREDENTIALS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// A tower layer for HTTP clients: each request gets a CLIENT span as a child of the current one,
/// and the trace headers of that span, if its URL is one of the targets.
///
/// The span has the attributes of OTel's HTTP conventions from its start, so that the sampler sees
/// them. It ends with the head of the response, or when the call is given up. A request that is
/// sent again, or follows a redirect, is asked about anew where this layer stands below those that
/// do so.
///
/// ```
/// use http::{Request, Response};
/// use opentelemetry::global;
/// use opentelemetry_sentry::{ClientLayer, Sentry};
/// use tower::Layer;
/// # #[derive(Clone)] struct HttpClient;
///
/// let sentry = Sentry::builder()
///     .trace_propagation_targets(["https://api.myecommerce.com"])
///     .build()?;
/// let client = ClientLayer::new(global::tracer("shop"), sentry.propagator()).layer(HttpClient);
/// # Ok::<(), opentelemetry_sentry::ConfigError>(())
/// ```
pub struct ClientLayer<T, P> {
    plugs: Arc<Plugs<T, P>>,
}

struct Plugs<T, P> {
    tracer: T,
    propagator: P,
}

impl<T, P> ClientLayer<T, P> {
    /// With a tracer of any provider, and any propagator.
    pub fn new(tracer: T, propagator: P) -> Self {
        ClientLayer { plugs: Arc::new(Plugs { tracer, propagator }) }
    }
}

impl<T, P> Clone for ClientLayer<T, P> {
    fn clone(&self) -> Self {
        ClientLayer { plugs: Arc::clone(&self.plugs) }
    }
}

impl<T, P> fmt::Debug for ClientLayer<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").finish_non_exhaustive()
    }
}

impl<S, T, P> Layer<S> for ClientLayer<T, P> {
    type Service = ClientService<S, T, P>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService { inner, plugs: Arc::clone(&self.plugs) }
    }
}

/// The client inside a [`ClientLayer`].
pub struct ClientService<S, T, P> {
    inner: S,
    plugs: Arc<Plugs<T, P>>,
}

impl<S: Clone, T, P> Clone for ClientService<S, T, P> {
    fn clone(&self) -> Self {
        ClientService { inner: self.inner.clone(), plugs: Arc::clone(&self.plugs) }
    }
}

impl<S: fmt::Debug, T, P> fmt::Debug for ClientService<S, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, T, P, B, R> Service<Request<B>> for ClientService<S, T, P>
where
    S: Service<Request<B>, Response = Response<R>>,
    T: Tracer,
    T::Span: Send + Sync + 'static,
    P: TextMapPropagator,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ClientFuture<S::Future> {
        let parent = Context::current();
        let builder = span(request.method(), request.uri());
        let tracer = &self.plugs.tracer;
        let span = match url(request.uri()) {
            Some(url) => tracer.build_with_context(builder, &parent.with_outgoing_url(url)),
            None => tracer.build_with_context(builder, &parent),
        };
        // Without the URL: what the client does on its way there goes somewhere else.
        let cx = parent.with_span(span);
        inject_request(&self.plugs.propagator, &cx, &mut request);
        let inner = {
            let _guard = cx.clone().attach();
            self.inner.call(request)
        };
        ClientFuture { inner, cx }
    }
}

pin_project! {
    /// The response of a [`ClientService`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ClientFuture<F> {
        #[pin]
        inner: F,
        // Ends its span when it goes, at the latest.
        cx: Context,
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let result = {
            let _guard = this.cx.clone().attach();
            ready!(this.inner.poll(task))
        };
        let span = this.cx.span();
        let failed = |error: String| {
            span.set_attribute(KeyValue::new(ERROR_TYPE, error));
            span.set_status(Status::error(""));
        };
        match &result {
            Ok(response) => {
                let status = response.status();
                if status.is_client_error() || status.is_server_error() {
                    failed(status.as_str().to_owned());
                }
                span.set_attribute(KeyValue::new(RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
            }
            Err(_) => failed(any::type_name::<E>().to_owned()),
        }
        span.end();
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for ClientFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFuture").finish_non_exhaustive()
    }
}

/// The span of a request, with everything that is known before it is sent.
fn span(method: &Method, uri: &Uri) -> SpanBuilder {
    let (name, method, original) = match known(method) {
        Some(known) => (known, known, None),
        None => ("HTTP", OTHER_METHOD, Some(method.as_str().to_owned())),
    };
    let mut attributes = vec![KeyValue::new(REQUEST_METHOD, method)];
    attributes.extend(original.map(|method| KeyValue::new(REQUEST_METHOD_ORIGINAL, method)));
    attributes.extend(url(uri).map(|url| KeyValue::new(URL_FULL, without_credentials(url))));
    attributes.extend(uri.host().map(|host| KeyValue::new(SERVER_ADDRESS, host.to_owned())));
    let port = uri.port_u16().or_else(|| default_port(uri.scheme_str()?));
    attributes.extend(port.map(|port| KeyValue::new(SERVER_PORT, i64::from(port))));
    SpanBuilder::from_name(name).with_kind(SpanKind::Client).with_attributes(attributes)
}

/// A method that the conventions name; others could be anything.
fn known(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 9] =
        ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "PATCH", "TRACE"];
    KNOWN.into_iter().find(|known| *method == *known)
}

/// A URL whose query shows no credentials, as the conventions ask for.
fn without_credentials(url: String) -> String {
    let Some((base, query)) = url.split_once('?') else {
        return url;
    };
    let mut clean = base.to_owned();
    for (index, pair) in query.split('&').enumerate() {
        clean.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, _)) if CREDENTIALS.contains(&key) => clean.extend([key, "=", REDACTED]),
            _ => clean.push_str(pair),
        }
    }
    clean
}
