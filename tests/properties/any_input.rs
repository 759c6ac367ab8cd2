//! The laws, on random texts and on choices of the grammar.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::laws;
use crate::laws::choices::CHOICES;

/// Runs a law on this many choices of the grammar, and on a quarter as many texts.
fn hold(check: fn(&[u8]), cases: u32, most_bytes: usize) {
    let choices = vec(any::<u8>(), 0..most_bytes).prop_map(|bytes| [vec![CHOICES], bytes].concat());
    run(check, cases, choices);
    run(check, cases / 4, "[ -~\t\né]{0,200}".prop_map(String::into_bytes));
}

fn run(check: fn(&[u8]), cases: u32, inputs: impl Strategy<Value = Vec<u8>>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&inputs, |input| {
        check(&input);
        Ok(())
    });
    ran.unwrap_or_else(|fault| panic!("{fault}"));
}

#[test]
fn sentry_trace() {
    hold(laws::sentry_trace::check, 4000, 120);
}

#[test]
fn baggage() {
    hold(laws::baggage::check, 2000, 300);
}

#[test]
fn dsn() {
    hold(laws::dsn::check, 4000, 100);
}

#[test]
fn targets() {
    hold(laws::targets::check, 2000, 100);
}

#[test]
fn tracestate() {
    hold(laws::tracestate::check, 300, 600);
}

#[test]
fn request() {
    hold(laws::request::check, 500, 600);
}

#[cfg(feature = "http")]
#[test]
fn merging() {
    hold(laws::merging::check, 1000, 600);
}
