//! The SDKs, their versions, and what they run in.

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sdk {
    Node,
    Browser,
    Vue,
    Cloudflare,
    Python,
    Rust,
}

impl Sdk {
    pub(crate) const ALL: [Self; 6] =
        [Self::Node, Self::Browser, Self::Vue, Self::Cloudflare, Self::Python, Self::Rust];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Browser => "browser",
            Self::Vue => "vue",
            Self::Cloudflare => "cloudflare",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }

    /// The package as its registry calls it.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Node => "@sentry/node",
            Self::Browser => "@sentry/browser",
            Self::Vue => "@sentry/vue",
            Self::Cloudflare => "@sentry/cloudflare",
            Self::Python => "sentry-sdk",
            Self::Rust => "sentry",
        }
    }

    /// What it runs in.
    pub(crate) fn place(self) -> String {
        match self {
            Self::Node => "Node, `http` and `fetch`".to_owned(),
            Self::Browser => "Chromium, `fetch`".to_owned(),
            Self::Vue => format!("Vue {} in Chromium, `fetch`", version("VUE")),
            Self::Cloudflare => format!("workerd {}", version("WORKERD")),
            Self::Python => {
                format!("Flask {} in waitress {}", version("FLASK"), version("WAITRESS"))
            }
            Self::Rust => "axum with `sentry-tower`".to_owned(),
        }
    }

    pub(crate) fn version(self) -> &'static str {
        version(&format!("SENTRY_{}", self.name().to_uppercase()))
    }

    /// Whether its pages call the relay from another origin than the relay's.
    pub(crate) fn in_browser(self) -> bool {
        matches!(self, Self::Browser | Self::Vue)
    }

    /// The Rust SDK reads and writes no DSC, but for the organisation id that it reads.
    pub(crate) fn has_dsc(self) -> bool {
        self != Self::Rust
    }
}

fn version(name: &str) -> &'static str {
    include_str!("versions.env")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("versions.env has {name}"))
}
