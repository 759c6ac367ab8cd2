use opentelemetry_sentry::{ConfigError, Sentry};

pub fn sentry() -> Result<Sentry, ConfigError> {
    let builder = Sentry::builder().env();
    let builder = builder.traces_sampler(|ctx| match ctx.name().split_once(' ') {
        Some(("OPTIONS" | "HEAD", _)) | Some((_, "/healthz")) => 0.0,
        _ => ctx.inherit_or_sample_with(0.2),
    });
    builder.build()
}
