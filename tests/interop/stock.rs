//! Services that speak only W3C, with the stock OpenTelemetry SDKs of four languages.

use std::collections::btree_map::{BTreeMap, Entry};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use crate::apps::{java, node, python, rate, start};
use crate::process::{directory, Process};
use crate::sdk::{go_version, java_version, version};
use crate::wire::percent_encode;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stock {
    Java,
    Go,
    Node,
    Python,
}

impl Stock {
    pub(crate) const ALL: [Self; 4] = [Self::Java, Self::Go, Self::Node, Self::Python];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Java => "otel-java",
            Self::Go => "otel-go",
            Self::Node => "otel-node",
            Self::Python => "otel-python",
        }
    }

    /// The package's name in its registry.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Java => "io.opentelemetry:opentelemetry-sdk",
            Self::Go => "go.opentelemetry.io/otel",
            Self::Node => "@opentelemetry/sdk-node",
            Self::Python => "opentelemetry-sdk",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Java => java_version("opentelemetry.version"),
            Self::Go => go_version(self.package()),
            Self::Node => version("OTEL_NODE"),
            Self::Python => version("OTEL_PYTHON"),
        }
    }

    /// Its sampler. A caller's decision holds.
    pub(crate) fn sampler(self) -> String {
        match self {
            Self::Java => {
                format!(
                    "composite, of the incubator {}-alpha",
                    java_version("opentelemetry.version")
                )
            }
            Self::Go => "`ParentBased`: no composite sampler exists".to_owned(),
            Self::Node => {
                format!(
                    "composite, `@opentelemetry/sampler-composite` {}",
                    version("OTEL_NODE_SAMPLER")
                )
            }
            Self::Python => "composite, `_sampling_experimental`".to_owned(),
        }
    }

    pub(crate) fn has_composite_sampler(self) -> bool {
        self != Self::Go
    }

    /// The Python SDK's tracer gives its sampler no trace state, and a composite sampler's result
    /// replaces the span's.
    pub(crate) fn keeps_tracestate(self) -> bool {
        self != Self::Python
    }

    fn command(self) -> Command {
        match self {
            Self::Java => java("OtelService"),
            Self::Go => Command::new(directory("go").join("otel")),
            Self::Node => node("otel_node.js"),
            Self::Python => python("otel_python.py"),
        }
    }
}

/// The settings of a service.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct StockSettings {
    /// In hundredths, for a service that is the head of the trace.
    pub(crate) rate: u8,
    /// Whether it forwards `baggage`.
    pub(crate) baggage: bool,
}

pub(crate) struct StockApp {
    pub(crate) stock: Stock,
    url: String,
    _process: Process,
}

impl StockApp {
    /// An address that answers with a report and, if `to` is given, calls it.
    pub(crate) fn url(&self, to: Option<&str>) -> String {
        match to {
            Some(to) => format!("{}?to={}", self.url, percent_encode(to)),
            None => self.url.clone(),
        }
    }

    /// The address that answers with the samplers' decisions.
    pub(crate) fn decide_url(&self) -> String {
        self.url.replace("/trace", "/decide")
    }
}

/// The running services. Dropping this ends them.
#[derive(Default)]
pub(crate) struct StockApps {
    running: BTreeMap<(Stock, StockSettings), Arc<StockApp>>,
}

impl StockApps {
    /// The service with these settings. Starts it on first use.
    pub(crate) fn app(&mut self, stock: Stock, settings: StockSettings) -> Arc<StockApp> {
        let entry = match self.running.entry((stock, settings)) {
            Entry::Occupied(entry) => return Arc::clone(entry.get()),
            Entry::Vacant(entry) => entry,
        };
        let StockSettings { rate: hundredths, baggage } = settings;
        let name = format!("{}-{hundredths}-{baggage}", stock.name());
        let json = json!({ "rate": rate(hundredths), "baggage": baggage }).to_string();
        let process = start(&name, stock.command().env("INTEROP_SETTINGS", json));
        let url = process.url.clone();
        Arc::clone(entry.insert(Arc::new(StockApp { stock, url, _process: process })))
    }
}
