//! The crate's own warnings: each at most once for one set of settings, never with outside bytes.

use std::sync::atomic::{AtomicBool, Ordering};

/// A warning that is given once; clients control what leads to it, so more would be a flood.
#[derive(Debug, Default)]
pub(crate) struct Warning {
    given: AtomicBool,
}

impl Warning {
    pub(crate) fn give(&self, sentence: &'static str) {
        if !self.given.load(Ordering::Relaxed) && !self.given.swap(true, Ordering::Relaxed) {
            #[cfg(feature = "internal-logs")]
            tracing::warn!("{sentence}");
            #[cfg(not(feature = "internal-logs"))]
            let _ = sentence;
        }
    }
}
