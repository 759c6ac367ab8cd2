//! What this crate needs from a client's request and response, whatever their types.

use http::{HeaderMap, Method, Request};
#[cfg(feature = "tower")]
use http::{Response, StatusCode};
use opentelemetry::Context;

use crate::text::url::default_port;

// Without the layer only URL and headers are asked for.
#[cfg_attr(not(feature = "tower"), allow(dead_code))]
pub(crate) trait OutgoingRequest {
    fn method(&self) -> &Method;

    /// The absolute URL, if it is known, without the user and the password before its host:
    /// credentials must not leak, and `https://api.example@elsewhere.example` is not the host that
    /// it looks like.
    fn outgoing_url(&self) -> Option<String>;

    fn host(&self) -> Option<&str>;

    /// The port, or the scheme's own.
    fn port(&self) -> Option<u16>;

    fn headers_mut(&mut self) -> &mut HeaderMap;

    /// The context that the caller put into the request.
    fn context_mut(&mut self) -> Option<&mut Context>;
}

impl<B> OutgoingRequest for Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn outgoing_url(&self) -> Option<String> {
        let uri = self.uri();
        let (scheme, host) = (uri.scheme_str()?, uri.host()?);
        let port = uri.port_u16().map_or(String::new(), |port| format!(":{port}"));
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        Some(format!("{scheme}://{host}{port}{path}"))
    }

    fn host(&self) -> Option<&str> {
        self.uri().host()
    }

    fn port(&self) -> Option<u16> {
        self.uri().port_u16().or_else(|| default_port(self.uri().scheme_str()?))
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn context_mut(&mut self) -> Option<&mut Context> {
        self.extensions_mut().get_mut()
    }
}

#[cfg(feature = "reqwest")]
impl OutgoingRequest for reqwest::Request {
    fn method(&self) -> &Method {
        self.method()
    }

    fn outgoing_url(&self) -> Option<String> {
        let mut url = self.url().clone();
        // They fail for URLs that have no host, and so no user.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Some(url.into())
    }

    fn host(&self) -> Option<&str> {
        self.url().host_str()
    }

    fn port(&self) -> Option<u16> {
        self.url().port_or_known_default()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    /// Its extensions are private to reqwest.
    fn context_mut(&mut self) -> Option<&mut Context> {
        None
    }
}

/// The head of a response.
#[cfg(feature = "tower")]
pub(crate) trait ResponseHead {
    fn status(&self) -> StatusCode;
}

#[cfg(feature = "tower")]
impl<B> ResponseHead for Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }
}

#[cfg(feature = "reqwest")]
impl ResponseHead for reqwest::Response {
    fn status(&self) -> StatusCode {
        self.status()
    }
}
