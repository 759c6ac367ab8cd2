//! The service of `docs/getting_started.md`, built from the page's text.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::guide::Guide;
use crate::process::{command, run, write, Running};

const NAME: &str = "shop";
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes a project as the page says, and builds it with this crate in the place of the published one.
pub(crate) fn build(guide: &Guide, root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let manifest = format!(
        "[package]\nname = \"{NAME}\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n\
         [workspace]\n\n{}\n[patch.crates-io]\nopentelemetry-sentry = {{ path = {root:?} }}\n\n\
         [profile.dev]\ndebug = false\n",
        guide.dependencies
    );
    write(&folder.join("Cargo.toml"), manifest)?;
    write(&folder.join("src/main.rs"), &guide.service)?;
    let target = folder.join("target");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(command(cargo, folder).args(["build", "--quiet", "--target-dir"]).arg(&target))?;
    Ok(target.join("debug").join(format!("{NAME}{}", std::env::consts::EXE_SUFFIX)))
}

pub(crate) fn start(
    program: &Path,
    guide: &Guide,
    dsn: &str,
    port: u16,
    log: PathBuf,
) -> Result<Running, String> {
    let mut command = Command::new(program);
    // What this shell is set to would be another trace, or another Sentry.
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("SENTRY_") || known.starts_with("OTEL_") || known == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command
        .envs(guide.settings.iter().map(|(name, value)| (name, value)))
        .env("SENTRY_DSN", dsn)
        .env("SENTRY_RELEASE", "shop@1.2.3")
        .env("SENTRY_ENVIRONMENT", "local")
        .env("PORT", port.to_string())
        // The batch is sent sooner than after OTel's five seconds, and past every proxy.
        .env("OTEL_BSP_SCHEDULE_DELAY", "500")
        .env("NO_PROXY", "127.0.0.1,localhost");
    let mut service = Running::start(&mut command, log)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(end) = service.ended() {
            return Err(format!("the service ended: {end}"));
        }
        if Instant::now() > deadline {
            return Err(format!("the service does not listen on port {port}"));
        }
        sleep(Duration::from_millis(50));
    }
    Ok(service)
}
