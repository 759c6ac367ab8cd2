//! The Dynamic Sampling Context of a trace that starts here: the service that starts a trace is its
//! head.

use crate::wire::baggage::encode;
use crate::wire::dsc_key::{DscKey, EntryKey, SentryMembers};

/// The settings' part of a head's DSC, encoded once.
#[derive(Clone, Default)]
pub(crate) struct HeadTemplate {
    public_key: String,
    release: Option<String>,
    environment: String,
    org_id: Option<String>,
}

/// The trace's part, encoded.
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
        HeadTemplate {
            public_key: encode(public_key).to_string(),
            release: release.map(|release| encode(release).to_string()),
            environment: encode(environment).to_string(),
            org_id: org_id.map(str::to_owned),
        }
    }

    /// The members, in the order of the
    /// [specification](https://develop.sentry.dev/sdk/telemetry/traces/dynamic-sampling-context/).
    pub(crate) fn compose(&self, trace_id: &str, facts: &HeadFacts<'_>) -> SentryMembers {
        let decided = |value| facts.sampled.and(value);
        let sampled = facts.sampled.map(|sampled| if sampled { "true" } else { "false" });
        let members = [
            (DscKey::TraceId, Some(trace_id)),
            (DscKey::PublicKey, Some(&*self.public_key)),
            (DscKey::SampleRate, decided(facts.sample_rate)),
            (DscKey::SampleRand, Some(facts.sample_rand)),
            (DscKey::Sampled, sampled),
            (DscKey::Release, self.release.as_deref()),
            (DscKey::Environment, Some(&*self.environment)),
            (DscKey::Transaction, decided(facts.transaction)),
            (DscKey::OrgId, self.org_id.as_deref()),
        ];
        let len: usize = members.iter().flat_map(|(_, value)| *value).map(str::len).sum();
        let mut sent = SentryMembers::with_capacity(len);
        for (key, value) in members {
            if let Some(value) = value {
                sent.push(EntryKey::Known(key), value);
            }
        }
        sent
    }
}
