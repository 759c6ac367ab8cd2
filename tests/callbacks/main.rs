//! The user's functions cannot stop a service. Each panic, hang and recursion runs in its own
//! process with a time limit, below `tracing-opentelemetry`.
#![cfg(feature = "sdk")]

#[path = "../common/mod.rs"]
mod common;

mod child;
mod scenarios;
mod server;

use child::assert_passes;

#[test]
fn a_panic_does_not_stop_a_server() {
    assert_passes("server::child_a_panic_in_the_sampler");
}

#[test]
fn a_panic_of_a_target_does_not_stop_a_server() {
    assert_passes("server::child_a_panic_in_a_target");
}

#[test]
fn a_panic_payload_may_panic_when_dropped() {
    assert_passes("scenarios::child_a_payload_that_panics");
}

#[test]
fn a_span_inside_the_callback_does_not_recurse() {
    assert_passes("scenarios::child_a_span_inside_the_callback");
}

#[test]
fn a_layer_may_read_the_current_span_during_a_warning() {
    assert_passes("scenarios::child_a_layer_reads_the_current_span");
}

#[test]
fn a_subscriber_that_panics_at_a_warning_does_not_stop_a_request() {
    if cfg!(feature = "internal-logs") {
        assert_passes("scenarios::child_a_subscriber_that_panics");
    }
}
