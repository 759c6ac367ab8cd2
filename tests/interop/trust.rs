//! Whether the checks would see it: relays that are wrong in one way each.

use std::time::Duration;

use crate::apps::Apps;
use crate::checks::{BYTES, DECISION, ONE_TRACE, PARENT};
use crate::faulty::Fault;
use crate::ingest::Ingest;
use crate::matrix::{assert_all_hold, failing};
use crate::pairs;
use crate::relay::Kind;
use crate::sdk::Sdk;

/// Two are enough: what is wrong is wrong on the wire.
const SDKS: [Sdk; 2] = [Sdk::Node, Sdk::Python];

impl Fault {
    /// The check that is there to see it.
    pub(crate) fn caught_by(self) -> &'static str {
        match self {
            Self::DropsBaggage
            | Self::EncodesAnew
            | Self::DscOfAnotherTrace
            | Self::OwnDscOverAFrozenOne => BYTES,
            Self::AlwaysSampled | Self::DecidesDeferred => DECISION,
            Self::NewTraceId => ONE_TRACE,
            Self::ParentIsTheServerSpan => PARENT,
        }
    }
}

/// Fails where a relay with a fault passes, or the same relay without one does not.
pub(crate) async fn run(apps: &mut Apps, ingest: &Ingest, patience: Duration) {
    let kinds: Vec<_> = [None].into_iter().chain(Fault::ALL.map(Some)).collect();
    let mut groups = Vec::new();
    for fault in &kinds {
        groups.push(pairs::chains(Kind::Harness(*fault), &SDKS, apps, ingest).await);
    }
    let results = pairs::run(groups, ingest, patience).await;
    for (fault, (rows, _)) in kinds.into_iter().zip(results) {
        let Some(fault) = fault else {
            assert_all_hold(&rows);
            continue;
        };
        let caught = failing(&rows);
        println!("a relay that {}: {caught:?}", fault.name());
        assert!(caught.contains(fault.caught_by()), "{fault:?} is not caught: {caught:?}");
    }
}
