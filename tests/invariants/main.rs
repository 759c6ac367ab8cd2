//! `sample_rand < sample_rate <=> sampled`, over millions of traces, as a reader of the wire sees it.

#[path = "../common/mod.rs"]
mod common;

mod backfill;
mod chain;
mod heads;
mod shares;
mod traces;
