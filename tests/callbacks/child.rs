//! Runs one test of this binary in its own process.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a busy machine. A hang never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs an ignored test of this binary. An abort, a hang, a failure and a wrong name all fail.
#[track_caller]
pub(crate) fn assert_passes(name: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--test-threads=1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {}\n{text}", output.status);
    assert!(text.contains("test result: ok. 1 passed"), "{name}: {text}");
}
