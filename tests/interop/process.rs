//! Programs under test. Each runs in its own process group, which ends with its handle.

use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The directory of this run's temporary files. Every process of the run has it in its environment.
/// The browser's own processes rewrite theirs, but have it in their arguments.
fn run_directory() -> PathBuf {
    directory(&format!("run-{}", std::process::id()))
}

/// A running program that has printed its address.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The address it printed.
    pub(crate) url: String,
}

impl Process {
    /// Starts the program with this environment and the machine's variables that it needs.
    ///
    /// Its first line of output is `listening on <url>`, or workerd's report of its port. It ends
    /// when its standard input closes.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self, String> {
        let log = directory("logs").join(format!("{name}.log"));
        let stderr = fs::File::create(&log).map_err(|error| format!("{name}: its log: {error}"))?;
        for (name, _) in env::vars_os() {
            let known = name.to_str().unwrap_or_default().to_ascii_lowercase();
            let foreign = ["sentry_", "otel_"].iter().any(|prefix| known.starts_with(prefix));
            if foreign || known.ends_with("_proxy") || known == "upstream_url" {
                command.env_remove(&name);
            }
        }
        let mut child = command
            .env("TMPDIR", run_directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("stdout is piped")?;
        // From here on a failure kills the process group.
        let mut process = Self { child, stdin, url: String::new() };

        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let line = lines.recv_timeout(START_TIMEOUT).map_err(|_| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{name} does not print its address; its log: {log}")
        })?;
        process.url = address(&line).ok_or_else(|| format!("{name} prints {line:?}"))?;
        Ok(process)
    }
}

fn address(line: &str) -> Option<String> {
    if let Some(url) = line.strip_prefix("listening on ") {
        return Some(url.to_owned());
    }
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(format!("http://127.0.0.1:{}/trace", event["port"].as_u64()?))
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.signal("TERM");
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

impl Process {
    /// Fails only if the whole group has already ended.
    fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} -- -{} 2> /dev/null", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
    }
}

/// Fails if a process of this run is still running.
pub(crate) fn assert_none_left() {
    let run = run_directory();
    let marker = run.as_os_str().as_bytes();
    let deadline = Instant::now() + STOP_TIMEOUT;
    loop {
        let left: Vec<String> = fs::read_dir("/proc")
            .expect("there is a /proc")
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                // A process that has ended has no command line.
                let command = fs::read(path.join("cmdline")).unwrap_or_default();
                let environment = fs::read(path.join("environ")).unwrap_or_default();
                let ours = |bytes: &[u8]| bytes.windows(marker.len()).any(|part| part == marker);
                let left = !command.is_empty() && (ours(&environment) || ours(&command));
                left.then(|| String::from_utf8_lossy(&command).replace('\0', " "))
            })
            .collect();
        if left.is_empty() {
            let _ = fs::remove_dir_all(run);
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {left:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A directory below the one that `install.sh` fills.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/interop").join(name);
    fs::create_dir_all(&directory).expect("the working directory can be made");
    directory
}

/// Cargo tells a test where the package's binaries are, but not where its examples are.
pub(crate) fn relay_binary() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests are built into <profile>/deps");
    let binary = profile.join("examples/relay");
    assert!(binary.is_file(), "run `cargo build --example relay` first");
    binary
}
