use axum::http::HeaderMap;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sentry::{ConfigError, Sentry};

pub fn attribute(headers: &HeaderMap, secret: &str) -> KeyValue {
    let is_forced = headers.get("x-force-trace").is_some_and(|value| value == secret);
    KeyValue::new("app.force_trace", is_forced)
}

pub fn sentry() -> Result<Sentry, ConfigError> {
    let builder = Sentry::builder().env();
    let builder = builder.traces_sampler(|ctx| {
        let forced = KeyValue::new("app.force_trace", Value::Bool(true));
        if ctx.attributes().contains(&forced) {
            1.0
        } else {
            ctx.inherit_or_sample_with(0.2)
        }
    });
    builder.build()
}
