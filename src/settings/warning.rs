//! The crate's own warnings: each at most once for one set of settings, never with outside bytes.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::settings::callback::{self, Running};
use crate::wire::outgoing_baggage::OutgoingBaggage;

/// A fault that clients or the user's functions can cause again and again: it is logged once.
#[derive(Clone, Copy)]
pub(crate) enum Warning {
    BaggageOverflow,
    DeferredIgnored,
    NoOwnOrganization,
    TracesSamplerRate,
    TracesSamplerPanicked,
    WrappedSamplerPanicked,
    TargetPanicked,
}

impl Warning {
    const SENTENCES: [(Warning, &'static str); 7] = [
        (
            Warning::BaggageOverflow,
            "baggage exceeds the limits of W3C Baggage (8192 bytes, 64 members); members that are \
             not Sentry's were left out",
        ),
        (
            Warning::DeferredIgnored,
            "a deferred Sentry trace was not sampled, by a sampler that knows no deferred \
             decisions; use the sampler of these Sentry settings",
        ),
        (
            Warning::NoOwnOrganization,
            "strict_trace_continuation is on but this service's organization is not known: traces \
             that name no organization are continued, and those that name one are not; set org_id",
        ),
        (
            Warning::TracesSamplerRate,
            "traces_sampler returned a rate that is neither 0 nor from 1e-15 to 1; it counts as 0",
        ),
        (
            Warning::TracesSamplerPanicked,
            "traces_sampler panicked; the parent's decision counts, else traces_sample_rate, else 0",
        ),
        (
            Warning::WrappedSamplerPanicked,
            "the sampler inside the Sentry sampler panicked; traces_sample_rate counts, else 0",
        ),
        (
            Warning::TargetPanicked,
            "the function of a trace propagation target panicked; the target does not match",
        ),
    ];

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Logs a sentence each time: not for what a request can cause.
pub(crate) fn warn(sentence: &'static str) {
    // The subscriber is the user's code: its panic must not fail the request.
    #[cfg(feature = "internal-logs")]
    let _ = callback::catch(|| tracing::warn!("{sentence}"));
    #[cfg(not(feature = "internal-logs"))]
    let _ = sentence;
}

/// Which warnings wait and which were logged, a bit for each.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    noted: AtomicU8,
    logged: AtomicU8,
}

impl Warnings {
    /// Logs it, unless it was logged before. While a span starts use [`Self::note`].
    pub(crate) fn log_once(&self, warning: Warning) {
        // A callback that sends a request while a span starts. The fault will be found again.
        if callback::running() == Running::Nothing {
            self.log_new(warning.bit());
        }
    }

    /// Warns if members of a list were left out.
    pub(crate) fn check_overflow(&self, list: &OutgoingBaggage) {
        if list.overflowed {
            self.log_once(Warning::BaggageOverflow);
        }
    }

    /// Keeps it for the next extract or inject. Nothing may be logged while a span starts: a `tracing`
    /// layer holds a lock then, and a layer that logs may wait for it.
    pub(crate) fn note(&self, warning: Warning) {
        self.noted.fetch_or(warning.bit(), Ordering::Relaxed);
    }

    /// Logs the warnings that were noted.
    #[inline]
    pub(crate) fn log_noted(&self) {
        if self.noted.load(Ordering::Relaxed) != 0 && callback::running() == Running::Nothing {
            self.log_new(self.noted.swap(0, Ordering::Relaxed));
        }
    }

    #[cold]
    fn log_new(&self, warnings: u8) {
        let new = warnings & !self.logged.fetch_or(warnings, Ordering::Relaxed);
        for (warning, sentence) in Warning::SENTENCES {
            if new & warning.bit() != 0 {
                warn(sentence);
            }
        }
    }
}
