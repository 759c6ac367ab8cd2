//! The SDKs, their versions, and their environments.

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sdk {
    Node,
    Browser,
    Vue,
    Cloudflare,
    Python,
    Java,
    Go,
    Rust,
}

impl Sdk {
    pub(crate) const ALL: [Self; 8] = [
        Self::Node,
        Self::Browser,
        Self::Vue,
        Self::Cloudflare,
        Self::Python,
        Self::Java,
        Self::Go,
        Self::Rust,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Browser => "browser",
            Self::Vue => "vue",
            Self::Cloudflare => "cloudflare",
            Self::Python => "python",
            Self::Java => "java",
            Self::Go => "go",
            Self::Rust => "rust",
        }
    }

    /// The package's name in its registry.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Node => "@sentry/node",
            Self::Browser => "@sentry/browser",
            Self::Vue => "@sentry/vue",
            Self::Cloudflare => "@sentry/cloudflare",
            Self::Python => "sentry-sdk",
            Self::Java => "io.sentry:sentry",
            Self::Go => "github.com/getsentry/sentry-go",
            Self::Rust => "sentry",
        }
    }

    /// Its runtime and frameworks.
    pub(crate) fn place(self) -> String {
        match self {
            Self::Node => "Node, `http` and `fetch`".to_owned(),
            Self::Browser => "Chromium, `fetch`".to_owned(),
            Self::Vue => format!("Vue {} in Chromium, `fetch`", version("VUE")),
            Self::Cloudflare => format!("workerd {}", version("WORKERD")),
            Self::Python => {
                format!("Flask {} in waitress {}", version("FLASK"), version("WAITRESS"))
            }
            Self::Java => "the JDK's HTTP server and client".to_owned(),
            Self::Go => "`net/http`".to_owned(),
            Self::Rust => "axum with `sentry-tower`".to_owned(),
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Java => java_version("sentry.version"),
            Self::Go => go_version(self.package()),
            _ => version(&format!("SENTRY_{}", self.name().to_uppercase())),
        }
    }

    /// Whether its pages call the relay from another origin.
    pub(crate) fn in_browser(self) -> bool {
        matches!(self, Self::Browser | Self::Vue)
    }

    /// Whether it defers the decision if tracing is not configured. Go's marks every trace as
    /// unsampled instead, even a continued one.
    pub(crate) fn defers(self) -> bool {
        self != Self::Go
    }

    /// Go's keeps its DSC in a map.
    pub(crate) fn orders_dsc(self) -> bool {
        self != Self::Go
    }

    /// Whether its envelopes have the incoming DSC. Go's have its own.
    pub(crate) fn reports_dsc(self) -> bool {
        self.has_dsc() && self != Self::Go
    }

    /// The Rust SDK neither reads nor writes a DSC, except that it reads the organization id.
    pub(crate) fn has_dsc(self) -> bool {
        self != Self::Rust
    }
}

pub(crate) fn version(name: &str) -> &'static str {
    include_str!("versions.env")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("versions.env has {name}"))
}

/// The version in a property of the services' pom.xml.
pub(crate) fn java_version(property: &str) -> &'static str {
    let (start, end) = (format!("<{property}>"), format!("</{property}>"));
    include_str!("apps/java/pom.xml")
        .split_once(&*start)
        .and_then(|(_, rest)| rest.split_once(&*end))
        .unwrap_or_else(|| panic!("pom.xml has {property}"))
        .0
}

/// The version of a module in the services' go.mod.
pub(crate) fn go_version(module: &str) -> &'static str {
    include_str!("apps/go/go.mod")
        .lines()
        .find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(" v"))
        .unwrap_or_else(|| panic!("go.mod has {module}"))
}
