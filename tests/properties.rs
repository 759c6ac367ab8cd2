//! Laws that hold for any input. `fuzz/` runs the same laws for longer.
#![cfg(feature = "sdk")]

mod laws;

mod properties {
    mod any_input;
    mod silence;
}
