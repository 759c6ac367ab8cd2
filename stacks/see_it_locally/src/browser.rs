//! A browser without a window, where there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{find, Running};

const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

pub(crate) fn installed() -> Option<PathBuf> {
    find(&NAMES)
}

/// Opens the address, in a profile of its own.
pub(crate) fn open(browser: &Path, url: &str, folder: &Path) -> Result<Running, String> {
    let mut command = Command::new(browser);
    command
        .args(["--headless", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--no-proxy-server", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()));
    // Chromium refuses its sandbox to root, whom containers run as.
    if is_root() {
        command.arg("--no-sandbox");
    }
    Running::start(command.arg(url), folder.join("browser.log"))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
