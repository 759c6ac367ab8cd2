//! Trace propagation targets: which URLs may get trace headers.

use crate::settings::callback;
use crate::settings::target::{SeenUrl, Target};

/// Which destinations get trace headers: the `trace_propagation_targets` option of Sentry's SDKs.
///
/// All by default, and none for an empty list.
///
/// Guide: [What matches](crate::_documentation::targets_and_privacy#what-matches).
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

    /// Whether a request to this URL gets trace headers. Only the URL's first 8192 bytes are
    /// examined. A target does not match if its function panics, or its origin is invalid.
    ///
    /// ```
    /// use opentelemetry_sentry::PropagationTargets;
    ///
    /// let targets = PropagationTargets::new(["https://api.myecommerce.com/"]);
    /// assert!(targets.matches("https://api.myEcommerce.com/cart?page=2"));
    /// assert!(!targets.matches("https://tracker.example"));
    /// ```
    #[inline]
    pub fn matches(&self, url: &str) -> bool {
        self.matches_or(url, || {})
    }

    /// [`Self::matches`], where `on_panic` learns of a target's function that panicked.
    #[inline]
    pub(crate) fn matches_or(&self, url: &str, on_panic: impl Fn()) -> bool {
        match &self.targets {
            None => true,
            Some(targets) => matches_one_of(targets, url, on_panic),
        }
    }

    pub(crate) fn match_all(&self) -> bool {
        self.targets.is_none()
    }

    pub(crate) fn match_none(&self) -> bool {
        self.targets.as_ref().is_some_and(Vec::is_empty)
    }

    /// A list separated by commas.
    pub(crate) fn parse(list: &str) -> Self {
        match list {
            "" => PropagationTargets::new([""; 0]),
            list => PropagationTargets::new(list.split(',').map(str::trim)),
        }
    }

    /// What is wrong with the first target that cannot be used, counted from 1.
    pub(crate) fn unusable(&self) -> Option<String> {
        let mut targets = (1..).zip(self.targets.iter().flatten());
        targets.find_map(|(place, target)| Some(format!("target {place} {}", target.unusable()?)))
    }
}

// Out of line, so that the common case is inlined into the sampler.
#[inline(never)]
fn matches_one_of(targets: &[Target], url: &str, on_panic: impl Fn()) -> bool {
    let url = SeenUrl::new(url);
    targets.iter().any(|target| {
        target.matches(&url).unwrap_or_else(|callback::Panicked| {
            on_panic();
            false
        })
    })
}
