//! Laws that hold for any input. `fuzz/` runs the same laws for longer.

#[path = "../laws/mod.rs"]
mod laws;

mod any_input;
mod silence;
