//! Settings without an environment, as a function that JavaScript calls in `run.mjs`.

#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use opentelemetry::Context;
use opentelemetry_sentry::{continue_trace, Sentry, TraceData};

/// Returns 1 if no variable was found and none is an error.
#[no_mangle]
pub extern "C" fn reads_no_variable() -> u32 {
    let Ok(sentry) = Sentry::from_env() else {
        return 0;
    };
    let headers = TraceData::from_env();
    let cx: Context = continue_trace(&sentry.propagator(), &headers);
    u32::from(sentry.dsn().is_none() && headers.is_empty() && !has_span(&cx))
}

fn has_span(cx: &Context) -> bool {
    use opentelemetry::trace::TraceContextExt;

    cx.has_active_span()
}
