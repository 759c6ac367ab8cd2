//! The smallest service whose spans are in Sentry. It fails, and its span arrives all the same.

use opentelemetry::{global, trace::Tracer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _installed = opentelemetry_sentry::Sentry::from_env()?.install("shop")?;
    drop(global::tracer("shop").start("GET /cart"));
    Err("out of stock".into())
}
