//! A tower layer for HTTP clients: a CLIENT span and the trace headers for each request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{ready, Poll};
use std::{any, fmt, task};

use http::{Method, Request, Response};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::http_client::inject_request::inject;
use crate::http_client::outgoing_request::{OutgoingRequest, ResponseHead};
use crate::settings::destination::OutgoingUrlExt;

/// Attribute names of OTel's
/// [HTTP conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
const REQUEST_METHOD: &str = "http.request.method";
const REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
const RESPONSE_STATUS_CODE: &str = "http.response.status_code";
const URL_FULL: &str = "url.full";
const SERVER_ADDRESS: &str = "server.address";
const SERVER_PORT: &str = "server.port";
const ERROR_TYPE: &str = "error.type";

/// Placeholders: for a method that the conventions do not name, and for what must not be shown.
const OTHER_METHOD: &str = "_OTHER";
const REDACTED: &str = "REDACTED";

/// Keys of a query whose values are credentials.
const CREDENTIALS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// A tower layer for HTTP clients: each request gets a CLIENT span and, if its URL is one of the
/// targets, the trace headers of that span. Another trace's Sentry headers are removed, as with
/// [`inject_request`](crate::inject_request).
///
/// The span has the attributes of OTel's HTTP conventions from its start, so the sampler sees them.
/// It ends with the head of the response, or when the call is dropped. Put this layer below those
/// that retry or follow redirects: each request then gets its own span and check.
///
/// # Parent
///
/// The span is a child of the `Context` in the request's extensions, if the caller put one there,
/// else of the current one. A tower `Buffer` or a worker pool calls this layer from another task,
/// where the caller's context is not the current one:
///
/// ```
/// # fn cart() -> http::Result<http::Request<()>> {
/// http::Request::get("https://api.myecommerce.com/cart")
///     .extension(opentelemetry::Context::current())
///     .body(())
/// # }
/// ```
///
/// The extensions of a `reqwest::Request` are private. There, put this layer around the `Buffer`
/// instead of below it: it then runs in the caller's task.
///
/// # Clients
///
/// Any tower service of `http`'s requests and, with the feature `reqwest`, `reqwest::Client`.
/// reqwest follows redirects by itself, below this layer, with the headers of the first request.
/// Turn that off, so that no header reaches a host that is no target.
///
/// ```
/// # #[cfg(feature = "reqwest")] {
/// use opentelemetry::global;
/// use opentelemetry_sentry::{ClientLayer, Sentry};
/// use reqwest::redirect::Policy;
/// use reqwest::{Client, Request, Response};
/// use tower::{Layer, ServiceExt};
///
/// async fn call(sentry: &Sentry, request: Request) -> reqwest::Result<Response> {
///     let client = Client::builder().redirect(Policy::none()).build()?;
///     let layer = ClientLayer::new(global::tracer("shop"), sentry.propagator());
///     layer.layer(client).oneshot(request).await
/// }
/// # }
/// ```
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
/// let layer = ClientLayer::new(global::tracer("shop"), sentry.propagator());
/// let client = layer.layer(HttpClient);
/// # Ok::<(), opentelemetry_sentry::ConfigError>(())
/// ```
///
/// Guide: [HTTP clients](crate::_documentation::custom_instrumentation#http-clients).
pub struct ClientLayer<T, P> {
    plugs: Arc<Plugs<T, P>>,
}

struct Plugs<T, P> {
    tracer: T,
    propagator: P,
}

impl<T, P> ClientLayer<T, P> {
    /// A layer with a tracer of any provider, and any propagator.
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

    fn call(&mut self, request: Request<B>) -> ClientFuture<S::Future> {
        self.send(request)
    }
}

/// `reqwest::Client` is such a service.
#[cfg(feature = "reqwest")]
impl<S, T, P> Service<reqwest::Request> for ClientService<S, T, P>
where
    S: Service<reqwest::Request, Response = reqwest::Response>,
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

    fn call(&mut self, request: reqwest::Request) -> ClientFuture<S::Future> {
        self.send(request)
    }
}

impl<S, T, P> ClientService<S, T, P>
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
    P: TextMapPropagator,
{
    fn send<Q: OutgoingRequest>(&mut self, mut request: Q) -> ClientFuture<S::Future>
    where
        S: Service<Q>,
    {
        let parent = request.context_mut().cloned().unwrap_or_else(Context::current);
        let builder = span(&request);
        let tracer = &self.plugs.tracer;
        let span = match request.outgoing_url() {
            Some(url) => tracer.build_with_context(builder, &parent.with_outgoing_url(url)),
            None => tracer.build_with_context(builder, &parent),
        };
        // Without the URL: what the client does on its way there goes somewhere else.
        let cx = parent.with_span(span);
        inject(&self.plugs.propagator, &cx, &mut request);
        // A layer below that looks there finds this span, not its parent.
        if let Some(context) = request.context_mut() {
            context.clone_from(&cx);
        }
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
        cx: Context,
    }

    impl<F> PinnedDrop for ClientFuture<F> {
        // A call that is given up ends here, whoever else still has its context.
        fn drop(this: Pin<&mut Self>) {
            this.cx.span().end();
        }
    }
}

impl<F, R, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: ResponseHead,
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
fn span(request: &impl OutgoingRequest) -> SpanBuilder {
    let (name, method, original) = match known(request.method()) {
        Some(known) => (known, known, None),
        None => ("HTTP", OTHER_METHOD, Some(request.method().as_str().to_owned())),
    };
    let url = request.outgoing_url().map(without_credentials);
    let mut attributes = vec![KeyValue::new(REQUEST_METHOD, method)];
    attributes.extend(original.map(|method| KeyValue::new(REQUEST_METHOD_ORIGINAL, method)));
    attributes.extend(url.map(|url| KeyValue::new(URL_FULL, url)));
    attributes.extend(request.host().map(|host| KeyValue::new(SERVER_ADDRESS, host.to_owned())));
    attributes.extend(request.port().map(|port| KeyValue::new(SERVER_PORT, i64::from(port))));
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
