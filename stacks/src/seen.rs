//! The headers that a service received.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;

/// One `HeaderMap` per call. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<HeaderMap>>>);

impl Seen {
    pub(crate) fn keep(&self, headers: HeaderMap) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(headers);
    }

    /// Removes and returns them.
    pub(crate) fn take(&self) -> Vec<HeaderMap> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
