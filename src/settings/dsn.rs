//! The DSN: a Sentry project's address and key.

use std::fmt;
use std::str::FromStr;

use crate::settings::address::{is_host, with_scheme};
use crate::text::chars::graphic_len;
use crate::text::url::{default_port, Url};

/// The longest accepted DSN, in bytes: its key goes into every `baggage` header.
const MAX_DSN_BYTES: usize = 512;

/// Name of the header that authenticates the sender.
///
/// Guide: [By hand](crate::_documentation::otlp#by-hand).
pub const SENTRY_AUTH_HEADER: &str = "x-sentry-auth";

/// The most digits of an organization id.
const MAX_ORG_ID_DIGITS: usize = 20;

/// A [Sentry DSN](https://develop.sentry.dev/sdk/foundations/transport/authentication/).
///
/// # Syntax
///
/// ```text
/// dsn = ( "http" / "https" ) "://" public-key [ ":" secret-key ] "@" host [ ":" port ] [ path ] "/" project-id
/// ```
///
/// The secret key is deprecated and skipped. `Debug` shows no key, and there is no `Display`.
///
/// ```
/// use opentelemetry_sentry::Dsn;
///
/// let dsn: Dsn = "https://49d0f7386ad645858ae85020e393bef3@o42.ingest.sentry.io/17".parse()?;
/// assert_eq!(dsn.org_id(), Some("42"));
/// assert_eq!(dsn.project_id(), "17");
/// # Ok::<(), opentelemetry_sentry::InvalidDsn>(())
/// ```
///
/// Guide: [By hand](crate::_documentation::otlp#by-hand).
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    scheme: &'static str,
    public_key: String,
    host: String,
    port: u16,
    path: String,
    project_id: String,
}

impl Dsn {
    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.scheme
    }

    /// The key that is sent with each trace.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path before the project id: empty, or with a leading `/` and without a trailing one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The project, in decimal digits.
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// The organization: the digits of a first host label `o<digits>`.
    pub fn org_id(&self) -> Option<&str> {
        let (label, _) = self.host.split_once('.')?;
        label.strip_prefix('o').filter(|id| is_org_id(id))
    }

    /// Where an OTLP/HTTP exporter sends the project's spans
    /// ([OTLP Integration](https://develop.sentry.dev/sdk/telemetry/traces/otlp/)), beside the
    /// [`SENTRY_AUTH_HEADER`].
    ///
    /// ```text
    /// endpoint = scheme "://" host [ ":" port ] [ path ] "/api/" project-id "/integration/otlp/v1/traces/"
    /// ```
    ///
    /// ```
    /// use opentelemetry_sentry::Dsn;
    ///
    /// let dsn: Dsn = "https://49d0f7386ad645858ae85020e393bef3@o1.ingest.sentry.io/42".parse()?;
    /// assert_eq!(
    ///     dsn.otlp_traces_endpoint(),
    ///     "https://o1.ingest.sentry.io/api/42/integration/otlp/v1/traces/",
    /// );
    /// assert_eq!(dsn.auth_header(), "sentry sentry_key=49d0f7386ad645858ae85020e393bef3");
    /// # Ok::<(), opentelemetry_sentry::InvalidDsn>(())
    /// ```
    pub fn otlp_traces_endpoint(&self) -> String {
        self.otlp_endpoint("traces")
    }

    /// Where an OTLP/HTTP exporter sends the project's log records: like
    /// [`otlp_traces_endpoint`](Self::otlp_traces_endpoint), with `logs` in place of `traces`.
    pub fn otlp_logs_endpoint(&self) -> String {
        self.otlp_endpoint("logs")
    }

    fn otlp_endpoint(&self, signal: &str) -> String {
        let Dsn { scheme, host, port, path, project_id, .. } = self;
        let port = match default_port(scheme) {
            Some(default) if default == *port => String::new(),
            _ => format!(":{port}"),
        };
        format!("{scheme}://{host}{port}{path}/api/{project_id}/integration/otlp/v1/{signal}/")
    }

    /// The value of the [`SENTRY_AUTH_HEADER`]. It contains the key: send it only to Sentry.
    pub fn auth_header(&self) -> String {
        format!("sentry sentry_key={}", self.public_key)
    }

    /// Whether a URL is on the DSN's host and port. The scheme does not matter.
    #[inline]
    pub(crate) fn serves(&self, url: &str) -> bool {
        self.may_serve(url) && self.serves_parsed(url)
    }

    // Out of line, so that the common case is inlined into the sampler.
    #[inline(never)]
    fn serves_parsed(&self, url: &str) -> bool {
        Url::parse(&with_scheme(url, self.scheme)).is_some_and(|url| {
            url.host.eq_ignore_ascii_case(&self.host) && url.effective_port() == Some(self.port)
        })
    }

    /// `false` for most URLs on other hosts. It is called for every client span, and saves parsing
    /// its URL.
    #[inline]
    fn may_serve(&self, url: &str) -> bool {
        let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
        else {
            return true;
        };
        let (bytes, host) = (rest.as_bytes(), self.host.as_bytes());
        let starts = match (bytes.first(), host.first()) {
            // Common case: the first byte differs, in either case.
            (Some(first), Some(of_host)) if first | 0x20 == of_host | 0x20 => {
                bytes.get(..host.len()).is_some_and(|start| start.eq_ignore_ascii_case(host))
            }
            _ => false,
        };
        // No user stands before the host if the first `/` comes before any `@`.
        let may_have_user = || bytes.get(graphic_len(*b"/@", rest)).is_some_and(|b| *b != b'/');
        starts || may_have_user()
    }
}

/// Whether a text can be an organization id: 1 to 20 decimal digits.
pub(crate) fn is_org_id(id: &str) -> bool {
    (1..=MAX_ORG_ID_DIGITS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

impl FromStr for Dsn {
    type Err = InvalidDsn;

    /// # Errors
    ///
    /// - `key@sentry.io/1`, `ftp://key@sentry.io/1` - no `http://` or `https://`
    /// - `https://sentry.io/1`, `https://@sentry.io/1` - no public key
    /// - `https://a b@sentry.io/1` - a key of other characters than letters, digits, `-`, `_`
    /// - `https://key@/1`, `https://key@sentry.io:x/1` - no host, or a bad port
    /// - `https://key@sentry.io/`, `https://key@sentry.io/one` - no numeric project id
    /// - `https://key@sentry.io/1?a=b` - a query or fragment
    fn from_str(text: &str) -> Result<Self, InvalidDsn> {
        if text.len() > MAX_DSN_BYTES {
            return Err(InvalidDsn("invalid DSN: longer than 512 bytes"));
        }
        let scheme = match text.split_once("://") {
            Some(("https", _)) => "https",
            Some(("http", _)) => "http",
            _ => return Err(InvalidDsn("invalid DSN: does not start with http:// or https://")),
        };
        let no_host = || InvalidDsn("invalid DSN: host or port is missing or not valid");
        let url = Url::parse(text).ok_or_else(no_host)?;
        let userinfo = url.userinfo.unwrap_or_default();
        let public_key = userinfo.split_once(':').map_or(userinfo, |(key, _secret)| key);
        if public_key.is_empty() {
            return Err(InvalidDsn("invalid DSN: public key is missing"));
        }
        if !public_key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(InvalidDsn(
                "invalid DSN: public key holds other characters than letters, digits, `-` and `_`",
            ));
        }
        if !is_host(url.host) || url.port == Some(0) {
            return Err(no_host());
        }
        if url.path.contains(['?', '#']) {
            return Err(InvalidDsn("invalid DSN: has a query or a fragment"));
        }
        let (path, project_id) = url.path.rsplit_once('/').unwrap_or_default();
        if project_id.is_empty() || !project_id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidDsn("invalid DSN: project id is not a number"));
        }
        if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)) {
            return Err(InvalidDsn(
                "invalid DSN: path holds other characters than letters, digits and `-._~/%`",
            ));
        }
        Ok(Dsn {
            scheme,
            public_key: public_key.to_owned(),
            host: url.host.to_ascii_lowercase(),
            port: url.port.or(default_port(scheme)).ok_or_else(no_host)?,
            path: path.trim_end_matches('/').to_owned(),
            project_id: project_id.to_owned(),
        })
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsn")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// Why a text is not a [`Dsn`]. The message never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDsn(&'static str);

impl fmt::Display for InvalidDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidDsn {}
