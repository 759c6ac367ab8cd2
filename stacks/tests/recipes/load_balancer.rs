use opentelemetry_sentry::{ConfigError, Sentry};

pub fn sentry() -> Result<Sentry, ConfigError> {
    let builder = Sentry::builder().env();
    let builder = builder.traces_sampler(|ctx| match ctx.parent_sampled_by_traceparent() {
        Some(false) => 0.2,
        _ => ctx.inherit_or_sample_with(0.2),
    });
    builder.build()
}
