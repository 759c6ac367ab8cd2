//! The crate's warnings, as a `tracing` subscriber sees them.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Subscribers that see nothing. While there is only one subscriber, `tracing` asks the thread that
/// comes to a warning first, and remembers its answer for all threads.
static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// The messages of the warnings that the crate logs on this thread.
pub(crate) fn warnings(run: impl FnOnce()) -> Vec<String> {
    OTHERS.get_or_init(|| [Dispatch::new(Seen::default()), Dispatch::new(Seen::default())]);
    let seen = Seen::default();
    tracing::subscriber::with_default(seen.clone(), run);
    let sentences = seen.0.lock().unwrap();
    sentences.clone()
}

/// Asserts that there is exactly one warning with this start. Without the feature there must be
/// none.
#[track_caller]
pub(crate) fn assert_one(warnings: &[String], start: &str) {
    if cfg!(feature = "internal-logs") {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with(start), "{warnings:?}");
    } else {
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Subscriber for Seen {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("opentelemetry_sentry")
    }

    fn event(&self, event: &Event<'_>) {
        let mut sentence = Sentence::default();
        event.record(&mut sentence);
        assert_eq!(*event.metadata().level(), Level::WARN, "{}", sentence.0);
        self.0.lock().unwrap().push(sentence.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Sentence(String);

impl Visit for Sentence {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
