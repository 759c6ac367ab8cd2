//! The crate's own warnings: each at most once for one set of settings, never with outside bytes.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::settings::callback::{self, Running};
use crate::wire::outgoing_baggage::OutgoingBaggage;

/// A warning that is given once; clients control what leads to it, so more would be a flood.
#[derive(Debug)]
pub(crate) struct Warning {
    sentence: &'static str,
    state: AtomicU8,
}

/// Nothing to say so far.
const SILENT: u8 = 0;
/// To be said at the next extract or inject.
const NOTED: u8 = 1;
const GIVEN: u8 = 2;

impl Warning {
    pub(crate) const fn new(sentence: &'static str) -> Self {
        Warning { sentence, state: AtomicU8::new(SILENT) }
    }

    /// Says it, unless it was said before. Not while a span starts: use [`Warnings::note`].
    pub(crate) fn give(&self) {
        // A callback that sends a request, while a span starts. The fault will be found again.
        if callback::running() != Running::Nothing {
            return;
        }
        if self.state.load(Ordering::Relaxed) != GIVEN
            && self.state.swap(GIVEN, Ordering::Relaxed) != GIVEN
        {
            // The subscriber is the user's code: its panic is not the request's.
            #[cfg(feature = "internal-logs")]
            let _ = callback::catch(|| tracing::warn!("{}", self.sentence));
            #[cfg(not(feature = "internal-logs"))]
            let _ = self.sentence;
        }
    }

    /// `false` if it was noted or said before.
    fn note(&self) -> bool {
        let noted = |state| (state == SILENT).then_some(NOTED);
        self.state.load(Ordering::Relaxed) == SILENT
            && self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, noted).is_ok()
    }

    fn give_if_noted(&self) {
        if self.state.load(Ordering::Relaxed) == NOTED {
            self.give();
        }
    }
}

/// One place for each kind of warning, so that none hides another.
#[derive(Debug)]
pub(crate) struct Warnings {
    baggage_overflow: Warning,
    pub(crate) deferred_ignored: Warning,
    pub(crate) no_own_organization: Warning,
    pub(crate) traces_sampler_rate: Warning,
    pub(crate) traces_sampler_panicked: Warning,
    pub(crate) wrapped_sampler_panicked: Warning,
    pub(crate) target_panicked: Warning,
    /// Whether one is noted.
    pending: AtomicBool,
}

impl Default for Warnings {
    fn default() -> Self {
        Warnings {
            baggage_overflow: Warning::new(
                "baggage exceeds the limits of W3C Baggage (8192 bytes, 64 members); members \
                 that are not Sentry's were left out",
            ),
            deferred_ignored: Warning::new(
                "a deferred Sentry trace was not sampled, by a sampler that knows no deferred \
                 decisions; use the sampler of these Sentry settings",
            ),
            no_own_organization: Warning::new(
                "strict_trace_continuation is on but this service's organization is not known: \
                 traces that name no organization are continued, and those that name one are \
                 not; set org_id",
            ),
            traces_sampler_rate: Warning::new(
                "traces_sampler returned a rate that is neither 0 nor from 1e-15 to 1; it counts \
                 as 0",
            ),
            traces_sampler_panicked: Warning::new(
                "traces_sampler panicked; the parent's decision counts, else traces_sample_rate, \
                 else 0",
            ),
            wrapped_sampler_panicked: Warning::new(
                "the sampler inside the Sentry sampler panicked; traces_sample_rate counts, else 0",
            ),
            target_panicked: Warning::new(
                "the function of a trace propagation target panicked; the target does not match",
            ),
            pending: AtomicBool::new(false),
        }
    }
}

impl Warnings {
    /// Keeps a warning for the next extract or inject. While a span starts, none may be given: a
    /// `tracing` layer holds a lock there, for which a layer that logs may wait.
    pub(crate) fn note(&self, warning: impl FnOnce(&Self) -> &Warning) {
        if warning(self).note() {
            self.pending.store(true, Ordering::Release);
        }
    }

    /// Gives the warnings that were noted.
    #[inline]
    pub(crate) fn say_pending(&self) {
        if self.pending.load(Ordering::Relaxed) && callback::running() == Running::Nothing {
            self.say_noted();
        }
    }

    #[cold]
    fn say_noted(&self) {
        if !self.pending.swap(false, Ordering::Acquire) {
            return;
        }
        let Warnings {
            baggage_overflow,
            deferred_ignored,
            no_own_organization,
            traces_sampler_rate,
            traces_sampler_panicked,
            wrapped_sampler_panicked,
            target_panicked,
            pending: _,
        } = self;
        for warning in [
            baggage_overflow,
            deferred_ignored,
            no_own_organization,
            traces_sampler_rate,
            traces_sampler_panicked,
            wrapped_sampler_panicked,
            target_panicked,
        ] {
            warning.give_if_noted();
        }
    }

    pub(crate) fn check_overflow(&self, list: &OutgoingBaggage) {
        if list.overflowed {
            self.baggage_overflow.give();
        }
    }
}
