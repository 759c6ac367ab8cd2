//! Whether other parties' samplers decide as a head did: the stock SDKs' samplers read its
//! `sampled`, and the `th` and `rv` that we write for it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::apps::{rate, Apps, Settings};
use crate::chain::{run_all, Chain, Scenario};
use crate::checks::{equal, Check};
use crate::ingest::Ingest;
use crate::matrix::Row;
use crate::mode::Mode;
use crate::probes::Measured;
use crate::relay::{Kind, Relay};
use crate::sdk::Sdk;
use crate::stock::{Stock, StockApps, StockSettings};
use crate::wire::{dsc, header, Headers, SentryTrace};

pub(crate) const INHERITS: &str = "a parent's decision holds, over 2,000 traces";
pub(crate) const CONSISTENT: &str =
    "a composite ratio sampler decides as the head did, over 2,000 traces";

const TRACES: usize = 2000;

const HEADS: [Option<Sdk>; 3] = [Some(Sdk::Node), Some(Sdk::Python), None];

/// The rates: in hundredths, as passed to the relay, and by name.
static RATES: [(u8, &str, Scenario); 3] = [
    (1, "rate 0.01", scenario("0.01")),
    (30, "rate 0.3", scenario("0.3")),
    (90, "rate 0.9", scenario("0.9")),
];

const fn scenario(rate: &'static str) -> Scenario {
    Scenario { name: "2,000 traces", head: None, relay: Some(rate), service: None, flag: None }
}

/// One digit per request.
#[derive(Deserialize)]
struct Decisions {
    inherited: String,
    decided: String,
    /// The decision of the SDK's own tracer, if the samplers were called directly.
    traced_decided: Option<String>,
}

pub(crate) async fn run(
    apps: &mut Apps,
    stocks: &mut StockApps,
    ingest: &Ingest,
) -> (Vec<Row>, Measured) {
    let mut rows = Vec::new();
    let mut differ = Stock::ALL.map(|_| false);
    for (hundredths, name, scenario) in &RATES {
        for head in HEADS {
            let requests = traces(*hundredths, head, scenario, apps, ingest).await;
            let flags = flags(&requests, *hundredths);
            let expected: Result<String, String> = flags.map(|flags| {
                flags.iter().map(|sampled| if *sampled { '1' } else { '0' }).collect()
            });
            for (stock, differs) in Stock::ALL.into_iter().zip(&mut differ) {
                let settings = StockSettings { rate: 100, baggage: true };
                let url = stocks.app(stock, settings).decide_url();
                let decisions = ask(&url, *hundredths, &requests).await;
                let mut row = |check, verdict| {
                    let head = head.map_or("relay", Sdk::name);
                    rows.push(Row::new(Mode::Wrap, check, (head, stock.name()), name, verdict));
                };
                row(INHERITS, same(&expected, &decisions.inherited));
                if stock.has_composite_sampler() {
                    row(CONSISTENT, same(&expected, &decisions.decided));
                }
                let traced = decisions.traced_decided.as_ref().unwrap_or(&decisions.decided);
                *differs |= expected.as_ref() != Ok(traced);
            }
        }
    }
    let answers = differ.map(|differs| if differs { "no" } else { "yes" }.to_owned()).into();
    (
        rows,
        Measured {
            question: "a ratio sampler behind its own tracer decides as the head did",
            answers,
        },
    )
}

/// The headers that arrive behind the relay.
async fn traces(
    hundredths: u8,
    head: Option<Sdk>,
    scenario: &'static Scenario,
    apps: &mut Apps,
    ingest: &Ingest,
) -> Vec<Headers> {
    // Behind another head, the relay's own rate would decide otherwise.
    let rate = if head.is_some() { Some("0.5") } else { scenario.relay };
    let relay = Arc::new(Relay::start(Kind::Example(Mode::Wrap), ingest, rate, &[]).await);
    let head = head.map(|sdk| apps.app(sdk, Settings::percent(hundredths)));
    let chain = Chain { head, relay, service: None, scenario };
    let outcomes = run_all(vec![chain; TRACES], ingest).await;
    outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(|error| panic!("a trace: {error}")).got.headers)
        .collect()
}

/// The decisions on the wire. Each flag equals the DSC's, and the sampled share is near the rate.
fn flags(requests: &[Headers], hundredths: u8) -> Result<Vec<bool>, String> {
    let mut flags = Vec::new();
    for headers in requests {
        let flag = SentryTrace::of(headers)?.sampled.ok_or("the trace is undecided")?;
        let dsc = dsc(header(headers, "baggage")?)?;
        equal(
            "sampled",
            dsc.get("sampled").map(String::as_str),
            Some(if flag { "true" } else { "false" }),
        )?;
        flags.push(flag);
    }
    let expected = f64::from(hundredths) / 100.0 * TRACES as f64;
    let deviation = (expected * (1.0 - f64::from(hundredths) / 100.0)).sqrt();
    let sampled = flags.iter().filter(|sampled| **sampled).count();
    if sampled == 0 || (sampled as f64 - expected).abs() > 6.0 * deviation {
        return Err(format!("{sampled} of {TRACES} sampled at {hundredths} %"));
    }
    Ok(flags)
}

async fn ask(url: &str, hundredths: u8, requests: &[Headers]) -> Decisions {
    let question = json!({ "rate": rate(hundredths), "requests": requests });
    let response = crate::client().post(url).json(&question).send().await.expect("it answers");
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn same(expected: &Result<String, String>, decided: &str) -> Check {
    let expected = expected.as_ref().map_err(Clone::clone)?;
    equal("how many", decided.len(), expected.len())?;
    let others = expected.bytes().zip(decided.bytes()).filter(|(a, b)| a != b).count();
    equal("decided otherwise", others, 0)
}
