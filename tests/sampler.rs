//! `SentrySampler` from outside, through the SDK and the headers that its spans send.
#![cfg(feature = "sdk")]

mod support_core;

mod sampler {
    mod callback;
    mod destinations;
    mod foreign;
    mod panics;
    mod parents;
    mod probability;
    mod table;
    mod transaction;
    mod urls;
    mod wrapped;
}
