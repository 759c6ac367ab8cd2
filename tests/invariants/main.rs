//! `sample_rand < sample_rate <=> sampled`, over millions of traces, as a reader of the wire sees it.
#![cfg(feature = "sdk")]

#[path = "../support_core/mod.rs"]
mod support_core;

mod backfill;
mod chain;
mod heads;
mod shares;
mod traces;
