//! The trace headers' names as `HeaderName`s of the `http` crate, for
//! [CORS rules](crate::_documentation::cors#cors) and proxies.
//!
//! ```
//! use opentelemetry_sentry::header::TRACE_HEADERS;
//! use tower_http::cors::CorsLayer;
//!
//! let cors = CorsLayer::new().allow_headers(TRACE_HEADERS);
//! ```

use http::HeaderName;

use crate::wire::baggage::BAGGAGE_HEADER;
use crate::wire::sentry_trace::SENTRY_TRACE_HEADER;
use crate::wire::traceparent::TRACEPARENT_HEADER;

/// `sentry-trace`.
pub const SENTRY_TRACE: HeaderName = HeaderName::from_static(SENTRY_TRACE_HEADER);

/// `baggage`.
pub const BAGGAGE: HeaderName = HeaderName::from_static(BAGGAGE_HEADER);

/// `traceparent`, which Sentry's SDKs send with `propagateTraceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static(TRACEPARENT_HEADER);

/// All trace headers that a browser with a Sentry SDK may send.
pub const TRACE_HEADERS: [HeaderName; 3] = [SENTRY_TRACE, BAGGAGE, TRACEPARENT];
