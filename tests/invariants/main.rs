//! `sample_rand < sample_rate <=> sampled`, over millions of traces, read from the headers.

#[path = "../common/mod.rs"]
mod common;

mod backfill;
mod chain;
mod heads;
mod shares;
mod traces;
