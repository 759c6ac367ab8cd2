//! Tests the checks: relays with one fault each.

use std::time::Duration;

use crate::apps::Apps;
use crate::checks::{BYTES, DECISION, ONE_TRACE, PARENT};
use crate::faulty::Fault;
use crate::ingest::Ingest;
use crate::matrix::{assert_all_hold, failing};
use crate::mode::Mode;
use crate::relay::Kind;
use crate::sdk::Sdk;
use crate::stock::{Stock, StockApps};
use crate::{hops, pairs};

/// Two are enough: the faults show on the wire.
const SDKS: [Sdk; 2] = [Sdk::Node, Sdk::Python];

impl Fault {
    /// The check that must catch the fault.
    pub(crate) fn caught_by(self) -> &'static str {
        match self {
            Self::DropsBaggage
            | Self::ReencodesDsc
            | Self::DscOfAnotherTrace
            | Self::OwnDscOverAFrozenOne => BYTES,
            Self::AlwaysSampled | Self::DecidesDeferred => DECISION,
            Self::NewTraceId => ONE_TRACE,
            Self::ParentIsTheServerSpan => PARENT,
            Self::LeaksOurMember => hops::CLEAN,
            Self::ThresholdOfNothing => hops::THRESHOLD,
            Self::SplitsTracestate => hops::LINE,
        }
    }
}

/// The hops for faults in W3C's headers.
const HOPS: [Stock; 2] = [Stock::Go, Stock::Node];

/// Fails if a relay with a fault passes, or if the same relay without a fault does not.
pub(crate) async fn run(
    apps: &mut Apps,
    stocks: &mut StockApps,
    ingest: &Ingest,
    patience: Duration,
) {
    let kinds = || [None].into_iter().chain(Fault::ALL.map(Some));
    let (mut groups, mut faults, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for fault in kinds().filter(|fault| !fault.is_some_and(Fault::is_of_w3c)) {
        let kind = Kind::Harness(Mode::Alone, fault);
        groups.push(pairs::chains(kind, &SDKS, apps, ingest).await);
        faults.push(fault);
    }
    for (fault, (rows, _)) in faults.into_iter().zip(pairs::run(groups, ingest, patience).await) {
        results.push((fault, rows));
    }
    for fault in kinds().filter(|fault| fault.map_or(true, Fault::is_of_w3c)) {
        let kind = Kind::Harness(Mode::Wrap, fault);
        results.push((fault, hops::callers(kind, &HOPS, stocks, ingest).await.0));
    }
    for (fault, rows) in results {
        let Some(fault) = fault else {
            assert_all_hold(&rows);
            continue;
        };
        let caught = failing(&rows);
        println!("a relay that {}: {caught:?}", fault.name());
        assert!(caught.contains(fault.caught_by()), "{fault:?} is not caught: {caught:?}");
    }
}
