//! Custom instrumentation from outside: continue a trace, hand it on, start one.

mod support_core;

mod trace_api {
    mod continued;
    mod data;
    mod started;
}
