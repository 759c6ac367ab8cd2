//! A minimal service. tests/install.rs runs it.

use std::collections::HashMap;
use std::env;
use std::error::Error;

use opentelemetry::trace::Tracer;
use opentelemetry::{global, Context};
use opentelemetry_sentry::Sentry;

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let sentry = Sentry::builder().env().traces_sample_rate(1.0).build()?;
    match env::args().nth(1).as_deref() {
        Some("serve") => {
            let _installed = sentry.install("shop")?;
            serve();
        }
        Some("fail") => {
            let _installed = sentry.install("shop")?;
            serve();
            return Err("out of stock".into());
        }
        Some("async") => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            runtime.block_on(async {
                let _installed = sentry.install("shop")?;
                serve();
                Ok::<(), Box<dyn Error>>(())
            })?;
        }
        Some("twice") => {
            let _installed = sentry.install("shop")?;
            if let Err(error) = sentry.install("shop") {
                println!("{error}");
            }
            serve();
        }
        Some("headers") => {
            let _installed = sentry.install("shop")?;
            let mut headers = HashMap::new();
            let span = global::tracer("service").start("GET /cart");
            let cx = opentelemetry::trace::TraceContextExt::with_span(&Context::new(), span);
            global::get_text_map_propagator(|p| p.inject_context(&cx, &mut headers));
            headers.iter().for_each(|(name, value)| println!("{name}: {value}"));
        }
        Some("without a rate") => {
            let _installed = Sentry::from_env()?.install("shop")?;
            serve();
        }
        Some("collector") => {
            let collector = env::var("COLLECTOR")?;
            let _installed = sentry.install_builder("shop").collector(collector).install()?;
            serve();
        }
        Some("env") => {
            let _installed = sentry.install_builder("shop").endpoint_from_env(true).install()?;
            serve();
        }
        Some("refused") => {
            if let Err(error) = sentry.install_builder("shop").collector("not a URL").install() {
                println!("{error}");
            }
            let _installed = sentry.install("shop")?;
            println!("installed");
        }
        _ => return Err("which case?".into()),
    }
    Ok(())
}

fn serve() {
    drop(global::tracer("service").start("GET /cart"));
}
