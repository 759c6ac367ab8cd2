//! One trace propagation target, and a URL as targets see it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use memchr::memmem::Finder;

use crate::settings::address::{is_host, with_scheme};
use crate::settings::callback::{self, Panicked, Running};
use crate::text::url::Url;

/// How much of a URL is looked at, in bytes: a limit of this crate, not that of W3C Baggage, which
/// is as large.
const MAX_URL_BYTES: usize = 8192;

/// One trace propagation target.
///
/// - a text that the URL contains, ASCII case ignored: `Target::from("https://api.example/")`
/// - [`Target::origin`]: exactly this scheme, host and port
/// - [`Target::matching`]: URLs for which a function returns `true`
/// - a regular expression that matches the URL (feature `regex`)
///
/// If a span has no scheme, only an address and an optional port, as for gRPC clients and brokers,
/// the URL is `host:port`. A text that begins like a URL then matches by its host and port, and so
/// does an origin.
///
/// Guide: [What matches](crate::_documentation::targets_and_privacy#what-matches).
#[derive(Clone)]
pub struct Target {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Text {
        text: String,
        lower: Box<Finder<'static>>,
        /// The host and port of a text that begins like a URL, for URLs without a scheme.
        address: Option<Box<Finder<'static>>>,
    },
    Origin(Option<Origin>),
    Matching(Arc<dyn Fn(&str) -> bool + Send + Sync>),
    #[cfg(feature = "regex")]
    Regex(regex::Regex),
}

impl Target {
    /// The URLs of one scheme, host and port. A text cannot express that:
    /// `https://api.myecommerce.com` also occurs in `https://api.myecommerce.com.evil.example`.
    ///
    /// A missing port is the scheme's default. Case does not matter. If the text is not an origin,
    /// [`SentryBuilder::build`](crate::SentryBuilder::build) returns an error.
    ///
    /// ```
    /// use opentelemetry_sentry::{PropagationTargets, Target};
    ///
    /// let targets = PropagationTargets::new([Target::origin("https://api.myecommerce.com")]);
    /// assert!(targets.matches("https://api.myecommerce.com:443/cart"));
    /// assert!(!targets.matches("https://api.myecommerce.com.evil.example/"));
    /// assert!(!targets.matches("http://api.myecommerce.com/"));
    /// ```
    pub fn origin(origin: impl AsRef<str>) -> Self {
        Target { kind: Kind::Origin(Origin::parse(origin.as_ref())) }
    }

    /// The URLs for which a function returns `true`. It sees the first 8192 bytes, with scheme and
    /// host in lower case.
    ///
    /// A panic counts as `false`, with one warning. The function runs while a span starts or
    /// headers are written: it should not block, and what it starts is not traced.
    ///
    /// ```
    /// use opentelemetry_sentry::{PropagationTargets, Target};
    ///
    /// let everywhere_but = Target::matching(|url| !url.starts_with("https://tracker.example/"));
    /// let targets = PropagationTargets::new([everywhere_but]);
    /// assert!(targets.matches("https://api.myecommerce.com/"));
    /// assert!(!targets.matches("https://Tracker.example/pixel"));
    /// ```
    pub fn matching(function: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Target { kind: Kind::Matching(Arc::new(function)) }
    }

    pub(crate) fn matches(&self, url: &SeenUrl<'_>) -> Result<bool, Panicked> {
        Ok(match &self.kind {
            Kind::Text { lower, address, .. } => {
                let has_scheme = url.url.contains("://");
                let finder = address.as_ref().filter(|_| !has_scheme).unwrap_or(lower);
                finder.find(url.lower().as_bytes()).is_some()
            }
            Kind::Origin(origin) => origin.as_ref().is_some_and(|origin| origin.matches(url.url)),
            // The function itself makes the request.
            Kind::Matching(_) if callback::running() == Running::Target => false,
            Kind::Matching(function) => {
                callback::call(Running::Target, || function(url.lower_host()))?
            }
            #[cfg(feature = "regex")]
            Kind::Regex(regex) => regex.is_match(url.lower_host()),
        })
    }

    /// Why the target cannot be used.
    pub(crate) fn unusable(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Text { text, .. } if text.is_empty() => {
                Some("is empty and would match every URL")
            }
            Kind::Origin(None) => {
                Some("is not an origin: a scheme, `://`, a host, and perhaps a port")
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Text { text, .. } => text.fmt(f),
            Kind::Origin(Some(origin)) => origin.fmt(f),
            Kind::Origin(None) => f.write_str("Origin(invalid)"),
            Kind::Matching(_) => f.write_str("Matching(..)"),
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
        let lower = text.to_ascii_lowercase();
        let finder = |text: &str| Box::new(Finder::new(text).into_owned());
        let rest = lower.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = (!authority.is_empty()).then(|| finder(authority));
        Target { kind: Kind::Text { lower: finder(&lower), address, text } }
    }
}

#[cfg(feature = "regex")]
impl From<regex::Regex> for Target {
    fn from(regex: regex::Regex) -> Self {
        Target { kind: Kind::Regex(regex) }
    }
}

/// ```text
/// origin = scheme "://" host [ ":" port ]   ; RFC 6454, section 6.1
/// ```
#[derive(Clone, Debug)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text)?;
        let scheme_char = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let is_scheme = url.scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && url.scheme.bytes().all(scheme_char);
        let is_origin = is_scheme
            && url.userinfo.is_none()
            && is_host(url.host)
            && url.port != Some(0)
            && url.path.is_empty()
            && !text.ends_with([':', '.']);
        is_origin.then(|| Origin {
            scheme: url.scheme.to_ascii_lowercase(),
            host: url.host.to_ascii_lowercase(),
            port: url.effective_port(),
        })
    }

    fn matches(&self, url: &str) -> bool {
        Url::parse(&with_scheme(url, &self.scheme)).is_some_and(|url| {
            url.scheme.eq_ignore_ascii_case(&self.scheme)
                && url.host.eq_ignore_ascii_case(&self.host)
                && url.effective_port() == self.port
        })
    }
}

/// The part of a URL that is examined.
pub(crate) fn truncated(url: &str) -> &str {
    if url.len() <= MAX_URL_BYTES {
        return url;
    }
    let mut ends = (0..=MAX_URL_BYTES).rev();
    ends.find_map(|end| url.get(..end)).unwrap_or_default()
}

/// A URL in the forms that targets ask for, each made once.
pub(crate) struct SeenUrl<'a> {
    url: &'a str,
    lower: OnceCell<Cow<'a, str>>,
    lower_host: OnceCell<Cow<'a, str>>,
}

impl<'a> SeenUrl<'a> {
    pub(crate) fn new(url: &'a str) -> Self {
        SeenUrl { url: truncated(url), lower: OnceCell::new(), lower_host: OnceCell::new() }
    }

    /// All of it in lower case.
    fn lower(&self) -> &str {
        self.lower.get_or_init(|| match has_upper_case(self.url) {
            true => self.url.to_ascii_lowercase().into(),
            false => self.url.into(),
        })
    }

    /// Scheme and host in lower case; the user before the host and the path stay.
    fn lower_host(&self) -> &str {
        self.lower_host.get_or_init(|| {
            let url = self.url;
            let Some(parsed) = Url::parse(url).filter(|_| has_upper_case(url)) else {
                return match url.contains("://") {
                    true => url.into(),
                    // Only an address.
                    false => self.lower().to_owned().into(),
                };
            };
            let mut lower = url.to_owned();
            let authority = parsed.scheme.len() + "://".len();
            // It may begin with the `@`, which has no case.
            let host = authority + parsed.userinfo.map_or(0, str::len);
            let end = url.len() - parsed.path.len();
            for part in [0..authority, host..end] {
                if let Some(part) = lower.get_mut(part) {
                    part.make_ascii_lowercase();
                }
            }
            lower.into()
        })
    }
}

fn has_upper_case(text: &str) -> bool {
    // Without a branch it is vector code.
    text.bytes().fold(false, |found, b| found | b.is_ascii_uppercase())
}
