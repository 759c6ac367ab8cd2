use std::collections::HashMap;

use opentelemetry::{global, Context};
use opentelemetry_sentry::{continue_trace, TraceData};

/// `trace` is `{"sentry-trace": "..", "baggage": ".."}` of the message.
pub fn context(trace: HashMap<String, String>) -> Context {
    let headers: TraceData = trace.into_iter().collect();
    global::get_text_map_propagator(|propagator| continue_trace(propagator, &headers))
}
