//! Trace propagation targets: which URLs may get trace headers.

use std::fmt;

use opentelemetry::Context;

/// Which destinations get trace headers: the `trace_propagation_targets` option of Sentry's SDKs.
///
/// Every destination where nothing was set, none where an empty list was.
#[derive(Clone, Debug, Default)]
pub struct PropagationTargets {
    targets: Option<Vec<Target>>,
}

impl PropagationTargets {
    /// The destinations that one of the targets matches.
    pub fn new(targets: impl IntoIterator<Item = impl Into<Target>>) -> Self {
        PropagationTargets { targets: Some(targets.into_iter().map(Into::into).collect()) }
    }

    /// Every destination.
    pub fn everywhere() -> Self {
        PropagationTargets { targets: None }
    }

    /// Whether a request to this URL gets trace headers.
    ///
    /// ```
    /// use opentelemetry_sentry::PropagationTargets;
    ///
    /// let targets = PropagationTargets::new(["https://api.myecommerce.com"]);
    /// assert!(targets.matches("https://api.myecommerce.com/cart?page=2"));
    /// assert!(!targets.matches("https://tracker.example"));
    /// ```
    #[inline]
    pub fn matches(&self, url: &str) -> bool {
        match &self.targets {
            None => true,
            Some(targets) => targets.iter().any(|target| target.matches(url)),
        }
    }

    pub(crate) fn are_everywhere(&self) -> bool {
        self.targets.is_none()
    }

    pub(crate) fn are_nowhere(&self) -> bool {
        self.targets.as_ref().is_some_and(Vec::is_empty)
    }

    /// The 1-based place of a target that would match everything by accident.
    pub(crate) fn empty_target(&self) -> Option<usize> {
        let targets = self.targets.as_ref()?;
        let empty = |target: &Target| matches!(&target.kind, Kind::Text(text) if text.is_empty());
        targets.iter().position(empty).map(|index| index + 1)
    }
}

/// One trace propagation target: a text that the URL contains, or a regular expression that
/// matches it.
#[derive(Clone)]
pub struct Target {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Text(String),
    #[cfg(feature = "regex")]
    Regex(regex::Regex),
}

impl Target {
    fn matches(&self, url: &str) -> bool {
        match &self.kind {
            Kind::Text(text) => url.contains(text),
            #[cfg(feature = "regex")]
            Kind::Regex(regex) => regex.is_match(url),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Text(text) => text.fmt(f),
            #[cfg(feature = "regex")]
            Kind::Regex(regex) => regex.fmt(f),
        }
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        Target { kind: Kind::Text(text) }
    }
}

#[cfg(feature = "regex")]
impl From<regex::Regex> for Target {
    fn from(regex: regex::Regex) -> Self {
        Target { kind: Kind::Regex(regex) }
    }
}

/// The destination of a request, for [`Context`]s from which its headers are injected.
pub trait OutgoingUrlExt {
    /// A context that knows where its headers go, so that the trace propagation targets apply.
    ///
    /// It comes before anything that the span's attributes say, for every span below too: give it
    /// to the context of one request, not to one that lives on.
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
