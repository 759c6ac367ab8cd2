//! The SDKs' apps: started with settings, called over HTTP.
//!
//! Every app answers `GET <url>?to=<address>` with the trace headers it received, its SDK's reading
//! of them, and the answer of that address.

use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::OsStr;
use std::process::Command;
use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;
use serde_json::{json, Value};

use crate::ingest::Ingest;
use crate::process::{directory, Process};
use crate::sdk::Sdk;
use crate::wire::Headers;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/apps");

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Settings {
    /// In hundredths. `None` leaves tracing unconfigured.
    rate: Option<u8>,
    pub(crate) org_id: Option<&'static str>,
    pub(crate) strict: bool,
}

impl Settings {
    /// Samples all traces or none. The organization is 1, and continuation is not strict.
    pub(crate) fn rate(rate: Option<u8>) -> Self {
        Self { rate: rate.map(|rate| rate * 100), org_id: Some("1"), strict: false }
    }

    /// Samples this percentage of traces.
    pub(crate) fn percent(percent: u8) -> Self {
        Self { rate: Some(percent), ..Self::rate(None) }
    }

    /// Samples all traces, with this organization.
    pub(crate) fn organization(org_id: Option<&'static str>, strict: bool) -> Self {
        Self { rate: Some(100), org_id, strict }
    }
}

/// A running SDK with its settings.
pub(crate) struct App {
    pub(crate) sdk: Sdk,
    /// Its own project in the fake Sentry.
    pub(crate) project: u32,
    url: Url,
    _process: Option<Process>,
}

/// An app's answer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) headers: Headers,
    /// The headers that the SDK would send, from its public API.
    pub(crate) trace_data: BTreeMap<String, Option<String>>,
    pub(crate) answer: Value,
}

impl App {
    /// An address that answers with a report and, if `to` is given, calls it.
    pub(crate) fn url(&self, to: Option<&str>) -> String {
        let mut url = self.url.clone();
        if let Some(to) = to {
            url.query_pairs_mut().append_pair("to", to);
        }
        url.into()
    }
}

/// The running apps. Dropping this ends them.
pub(crate) struct Apps {
    ingest: Ingest,
    /// One browser for all pages. A page's settings are in its address.
    pages: Option<Process>,
    running: BTreeMap<(Sdk, Settings), Arc<App>>,
}

impl Apps {
    pub(crate) fn new(ingest: &Ingest) -> Self {
        bundle();
        Self { ingest: ingest.clone(), pages: None, running: BTreeMap::new() }
    }

    /// The app with these settings. Starts it on first use.
    pub(crate) fn app(&mut self, sdk: Sdk, settings: Settings) -> Arc<App> {
        let project = 100 + u32::try_from(self.running.len()).expect("few apps");
        let entry = match self.running.entry((sdk, settings)) {
            Entry::Occupied(entry) => return Arc::clone(entry.get()),
            Entry::Vacant(entry) => entry,
        };
        let name = sdk.name();
        // Each value needs encoding, and each SDK encodes it differently.
        let settings = json!({
            "dsn": self.ingest.dsn(&format!("{name}{project}@127.0.0.1"), project),
            "release": format!("shop-{name}@2.1.0+b (9/é);=%41!*'"),
            "environment": format!("prod,{name}ü"),
            "rate": settings.rate.map(rate),
            "org_id": settings.org_id,
            "strict": settings.strict,
        })
        .to_string();
        let (url, process) = if sdk.in_browser() {
            let pages = self.pages.get_or_insert_with(|| start("pages", &mut command(sdk)));
            let mut url = Url::parse(&pages.url).expect("the app prints a URL");
            url.query_pairs_mut().append_pair("app", name).append_pair("settings", &settings);
            (url, None)
        } else {
            let mut command = command(sdk);
            let process =
                start(&format!("{name}-{project}"), command.env("INTEROP_SETTINGS", settings));
            (Url::parse(&process.url).expect("the app prints a URL"), Some(process))
        };
        Arc::clone(entry.insert(Arc::new(App { sdk, project, url, _process: process })))
    }
}

/// An integer stays an integer: some SDKs print the rate as given.
pub(crate) fn rate(hundredths: u8) -> Value {
    match hundredths % 100 {
        0 => json!(hundredths / 100),
        _ => json!(f64::from(hundredths) / 100.0),
    }
}

/// Fails if the SDK does not start.
pub(crate) fn start(name: &str, command: &mut Command) -> Process {
    Process::start(name, command).unwrap_or_else(|error| {
        panic!("{error}\n(tests/interop/install.sh installs what the apps need)")
    })
}

fn command(sdk: Sdk) -> Command {
    let installed = directory("");
    let mut command;
    match sdk {
        Sdk::Node => command = node("node.js"),
        Sdk::Browser | Sdk::Vue => {
            command = node("pages.js");
            command.arg(directory("bundles")).arg("/usr/bin/chromium");
        }
        Sdk::Cloudflare => {
            command = workerd(directory("bundles").join("workerd.capnp"));
        }
        Sdk::Python => command = python("python_app.py"),
        Sdk::Java => command = java("SentryService"),
        Sdk::Go => command = Command::new(installed.join("go/sentry")),
        Sdk::Rust => command = Command::new(installed.join("rust/target/debug/interop-rust")),
    }
    command
}

pub(crate) fn node(source: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(format!("{SOURCES}/{source}"));
    command.env("NODE_PATH", directory("node_modules"));
    command
}

pub(crate) fn python(source: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(format!("{SOURCES}/{source}"));
    command.env("PYTHONPATH", directory("python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Many small services share two cores: use one compiler tier and the serial collector.
pub(crate) fn java(class: &str) -> Command {
    let installed = directory("java");
    let classes =
        format!("{0}/interop-java-0.jar:{0}/lib/*", installed.to_str().expect("a UTF-8 path"));
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", &classes]);
    command.arg(format!("interop.{class}"));
    command
}

/// workerd with this configuration. More arguments go to `serve`.
pub(crate) fn workerd(configuration: impl AsRef<OsStr>) -> Command {
    // workerd does not read standard input; the shell ends it with the test.
    let run = "\"$0\" serve \"$@\" --control-fd=1 & cat > /dev/null; kill $!";
    let mut command = Command::new("sh");
    command.args(["-c", run]);
    command.arg(directory("node_modules/@cloudflare/workerd-linux-64/bin").join("workerd"));
    command.arg(configuration);
    command
}

/// Bundles the apps of the browser and of the worker.
fn bundle() {
    let out = directory("bundles");
    let esbuild = |arguments: &[&str]| {
        let status = Command::new(directory("node_modules/.bin").join("esbuild"))
            .args(arguments)
            .args(["--bundle", "--minify", "--log-level=warning"])
            .args([
                "--define:process.env.NODE_ENV=\"production\"",
                "--define:__SENTRY_DEBUG__=false",
            ])
            .arg(format!("--outdir={}", out.display()))
            .env("NODE_PATH", directory("node_modules"))
            .current_dir(SOURCES)
            .status()
            .expect("esbuild runs: tests/interop/install.sh installs it");
        assert!(status.success(), "esbuild: {status}");
    };
    esbuild(&["browser.js", "vue.js", "--platform=browser"]);
    esbuild(&[
        "cloudflare.js",
        "--platform=neutral",
        "--format=esm",
        "--main-fields=module,main",
        "--conditions=workerd,worker,production",
        "--external:node:*",
    ]);
    std::fs::copy(format!("{SOURCES}/workerd.capnp"), out.join("workerd.capnp"))
        .expect("the configuration is copied");
}
