//! A project as `cargo new` makes it, with a page's manifest lines and program.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::page::Program;

/// From nothing, on a slow machine.
const BUILD: Duration = Duration::from_secs(1800);
const RUN: Duration = Duration::from_secs(60);

/// The crate is not taken from crates.io; the manifest's own lines stay as they are.
const PATCH: &str =
    "\n[patch.crates-io]\nopentelemetry-sentry = { path = \"../opentelemetry-sentry\" }\n";

pub(crate) struct Project {
    binary: PathBuf,
}

impl Project {
    /// Makes and builds it.
    pub(crate) fn new(folder: &Path, program: &Program) -> Result<Self, Box<dyn Error>> {
        let path = folder.join("pasted");
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        let new =
            Command::new("cargo").args(["new", "--quiet", "--vcs=none"]).arg(&path).spawn()?;
        succeed(wait(new, RUN)?)?;
        let manifest = path.join("Cargo.toml");
        let made = fs::read_to_string(&manifest)?;
        let own = made.strip_suffix("[dependencies]\n").ok_or("cargo new has another manifest")?;
        fs::write(&manifest, format!("{own}{}{PATCH}", program.dependencies))?;
        fs::write(path.join("src/main.rs"), &program.main)?;
        let target = folder.join("target");
        let build = Command::new("cargo")
            .args(["build", "--quiet"])
            .env("CARGO_TARGET_DIR", &target)
            // As the crate's own profile is: its tests reuse what is built here.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_INCREMENTAL", "0")
            .current_dir(&path)
            .spawn()?;
        succeed(wait(build, BUILD)?)?;
        Ok(Project { binary: target.join("debug/pasted") })
    }

    /// It with these settings and no others.
    pub(crate) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(settings.iter().copied()).stdout(Stdio::null());
        command
    }

    /// Runs it to its end, which is a success or not.
    pub(crate) fn run(
        &self,
        settings: &[(&str, &str)],
        is_success: bool,
    ) -> Result<(), Box<dyn Error>> {
        let mut command = self.command(settings);
        if !is_success {
            // The error that is asked for.
            command.stderr(Stdio::null());
        }
        let status = wait(command.spawn()?, RUN)?;
        match status.code() == Some(if is_success { 0 } else { 1 }) {
            true => Ok(()),
            false => Err(format!("with {settings:?} it ended with {status}").into()),
        }
    }
}

/// Waits, and kills what takes too long.
pub(crate) fn wait(mut child: Child, patience: Duration) -> Result<ExitStatus, Box<dyn Error>> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(format!("it took over {patience:?}").into());
        }
        sleep(Duration::from_millis(20));
    }
}

pub(crate) fn succeed(status: ExitStatus) -> Result<(), Box<dyn Error>> {
    match status.success() {
        true => Ok(()),
        false => Err(status.to_string().into()),
    }
}
