//! What arrived with a trace is still there when it leaves, whatever carries it in between.
#![cfg(feature = "sdk")]

mod support_core;

mod survival {
    mod carriers;
    mod room;
    mod w3c;
}
