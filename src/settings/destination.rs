//! Where a request goes, and whether its URL is denied.

use opentelemetry::Context;

use crate::settings::sentry::Settings;
use crate::settings::target::truncated;
use crate::settings::warning::Warning;

/// Where a request goes, as its URL says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It gets trace headers.
    Target,
    /// No target matches.
    Elsewhere,
    /// The DSN's own host and port: never a target.
    Sentry,
}

impl Settings {
    /// May a request to this URL have trace headers: the one rule, for propagator and sampler.
    #[inline]
    pub(crate) fn destination(&self, url: &str) -> Destination {
        let url = truncated(url);
        if self.dsn.as_ref().is_some_and(|dsn| dsn.serves(url)) {
            return Destination::Sentry;
        }
        let on_panic = || self.warnings.note(Warning::TargetPanicked);
        match self.targets.matches_or(url, on_panic) {
            true => Destination::Target,
            false => Destination::Elsewhere,
        }
    }

    /// Whether a request to a known URL gets trace headers.
    pub(crate) fn allows(&self, url: &str) -> bool {
        self.destination(url) == Destination::Target
    }

    /// Whether a request's URL makes a difference.
    #[inline]
    pub(crate) fn restricts_urls(&self) -> bool {
        !self.targets.match_all() || self.dsn.is_some() || self.deny_unknown_urls
    }
}

/// The destination of a request, for the `Context` from which its headers are injected.
///
/// Guide: [How the URL is known](crate::_documentation::targets_and_privacy#how-the-url-is-known).
pub trait OutgoingUrlExt {
    /// A context that knows where its headers go, so that the trace propagation targets apply.
    ///
    /// This URL takes precedence over the attributes of the span, and of every span below it. So
    /// set it in the context of one request, not in one that lives longer.
    ///
    /// ```
    /// use opentelemetry::Context;
    /// use opentelemetry_sentry::OutgoingUrlExt;
    ///
    /// let cx = Context::current().with_outgoing_url("https://api.myecommerce.com/cart");
    /// ```
    #[must_use]
    fn with_outgoing_url(&self, url: impl Into<String>) -> Self;
}

impl OutgoingUrlExt for Context {
    fn with_outgoing_url(&self, url: impl Into<String>) -> Self {
        self.with_value(OutgoingUrl(url.into()))
    }
}

struct OutgoingUrl(String);

/// What [`OutgoingUrlExt::with_outgoing_url`] put into a context.
pub(crate) fn outgoing_url(cx: &Context) -> Option<&str> {
    cx.get::<OutgoingUrl>().map(|url| url.0.as_str())
}
