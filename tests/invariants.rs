//! `sample_rand < sample_rate <=> sampled`, over millions of traces, as a reader of the wire sees it.
#![cfg(feature = "sdk")]

mod support_core;

mod invariants {
    mod backfill;
    mod chain;
    mod heads;
    mod shares;
    mod traces;
}
