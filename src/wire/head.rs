//! The Dynamic Sampling Context of a trace that starts here: the service that starts a trace is its
//! head.

use crate::wire::baggage::encode;
use crate::wire::dsc_key::{DscKey, EntryKey, SentryMembers};

/// The settings' part of a head's DSC, encoded once: each field is a run of members that no other
/// part interrupts.
#[derive(Clone, Default)]
pub(crate) struct HeadTemplate {
    public_key: SentryMembers,
    /// `sampled`, then what follows it: release and environment.
    sampled: SentryMembers,
    unsampled: SentryMembers,
    undecided: SentryMembers,
    org_id: SentryMembers,
}

/// Enough for most rates and a `sample_rand`.
const NUMBERS_BYTES: usize = 32;

/// The trace's part of a head's DSC, encoded.
pub(crate) struct HeadFacts<'a> {
    /// `None` for an undecided trace, which has neither rate nor transaction.
    pub(crate) sampled: Option<bool>,
    pub(crate) sample_rate: Option<&'a str>,
    pub(crate) sample_rand: &'a str,
    pub(crate) transaction: Option<&'a str>,
}

impl HeadTemplate {
    pub(crate) fn new(
        public_key: &str,
        release: Option<&str>,
        environment: &str,
        org_id: Option<&str>,
    ) -> Self {
        let members = |members: &[(DscKey, Option<&str>)]| {
            let mut encoded = SentryMembers::default();
            for (key, value) in members {
                if let Some(value) = value {
                    encoded.push(EntryKey::Known(*key), &encode(value).to_string());
                }
            }
            encoded
        };
        let with_decision = |sampled| {
            members(&[
                (DscKey::Sampled, sampled),
                (DscKey::Release, release),
                (DscKey::Environment, Some(environment)),
            ])
        };
        HeadTemplate {
            public_key: members(&[(DscKey::PublicKey, Some(public_key))]),
            sampled: with_decision(Some("true")),
            unsampled: with_decision(Some("false")),
            undecided: with_decision(None),
            org_id: members(&[(DscKey::OrgId, org_id)]),
        }
    }

    /// The members, in the order of the
    /// [specification](https://develop.sentry.dev/sdk/telemetry/traces/dynamic-sampling-context/).
    pub(crate) fn compose(&self, trace_id: &str, facts: &HeadFacts<'_>) -> SentryMembers {
        let HeadTemplate { public_key, org_id, .. } = self;
        let with_decision = match facts.sampled {
            Some(true) => &self.sampled,
            Some(false) => &self.unsampled,
            None => &self.undecided,
        };
        let transaction = facts.sampled.and(facts.transaction);
        let values = trace_id.len() + transaction.map_or(0, str::len) + NUMBERS_BYTES;
        let fixed = public_key.list.len() + with_decision.list.len() + org_id.list.len();
        let mut sent = SentryMembers::with_capacity(values + fixed);
        sent.push(EntryKey::Known(DscKey::TraceId), trace_id);
        sent.append(public_key);
        if let Some(rate) = facts.sampled.and(facts.sample_rate) {
            sent.push(EntryKey::Known(DscKey::SampleRate), rate);
        }
        sent.push(EntryKey::Known(DscKey::SampleRand), facts.sample_rand);
        sent.append(with_decision);
        if let Some(transaction) = transaction {
            sent.push(EntryKey::Known(DscKey::Transaction), transaction);
        }
        sent.append(org_id);
        sent
    }
}
