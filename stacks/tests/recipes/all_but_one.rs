use opentelemetry_sentry::{ConfigError, Sentry, Target};

pub fn sentry() -> Result<Sentry, ConfigError> {
    let all_but_one = Target::matching(|url| !url.starts_with("https://tracker.example/"));
    Sentry::builder().env().trace_propagation_targets([all_but_one]).build()
}
