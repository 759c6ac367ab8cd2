//! One `sentry-trace`: valid exactly if the grammar accepts it.

use opentelemetry_sentry::SentryTrace;

use super::choices::text;
use super::{reader, sound};

pub(crate) fn check(input: &[u8]) {
    let text = text(input, |choices| choices.sentry_trace());
    match (text.parse::<SentryTrace>(), reader::sentry_trace(&text)) {
        (Ok(read), Some(expected)) => {
            assert_eq!(read.to_string(), expected.header(), "{text:?}");
            assert_eq!(read.to_string().parse(), Ok(read), "{text:?}");
            assert_eq!(read.trace_id().to_string(), expected.trace_id, "{text:?}");
            assert_eq!(read.span_id().to_string(), expected.span_id, "{text:?}");
            assert_eq!(read.sampled(), expected.sampled, "{text:?}");
            let made = SentryTrace::new(read.trace_id(), read.span_id(), read.sampled());
            assert_eq!(made, Some(read), "{text:?}");
        }
        (Err(error), None) => sound::assert_silent(&error),
        (read, expected) => panic!("{text:?}: {read:?}, expected {expected:?}"),
    }
}
