//! The Dynamic Sampling Context of a trace that starts here.

use opentelemetry::trace::TraceId;

use crate::ascii::push_hex128;
use crate::baggage::encode;
use crate::dsc_key::DscKey;

/// What the head's settings give to its DSC, encoded once.
#[derive(Clone, Default)]
pub(crate) struct HeadTemplate {
    public_key: String,
    release_and_environment: String,
    org_id: String,
}

/// What a trace gives to its head's DSC.
#[derive(Clone, Copy, Default)]
pub(crate) struct HeadFacts<'a> {
    pub(crate) sample_rate: Option<&'a str>,
    pub(crate) sample_rand: Option<&'a str>,
    pub(crate) sampled: Option<bool>,
    pub(crate) transaction: Option<&'a str>,
}

impl HeadTemplate {
    pub(crate) fn new(
        public_key: &str,
        release: Option<&str>,
        environment: &str,
        org_id: Option<&str>,
    ) -> Self {
        let member = |key: DscKey, value: &str| {
            let mut member = String::from(",");
            member.push_str(key.member());
            member.push_str(&encode(value));
            member
        };
        HeadTemplate {
            public_key: member(DscKey::PublicKey, public_key),
            release_and_environment: release.map_or(String::new(), |r| member(DscKey::Release, r))
                + &member(DscKey::Environment, environment),
            org_id: org_id.map_or(String::new(), |id| member(DscKey::OrgId, id)),
        }
    }

    /// The head's members in the specification's order.
    pub(crate) fn compose(&self, trace_id: TraceId, facts: &HeadFacts<'_>) -> String {
        const FACTS_BYTES: usize = 160;
        let capacity = FACTS_BYTES
            + self.public_key.len()
            + self.release_and_environment.len()
            + self.org_id.len()
            + facts.transaction.map_or(0, str::len);
        let mut out = String::with_capacity(capacity);
        let push = |out: &mut String, key: DscKey, value: Option<&str>| {
            if let Some(value) = value {
                out.push(',');
                out.push_str(key.member());
                out.push_str(value);
            }
        };
        out.push_str(DscKey::TraceId.member());
        push_hex128(u128::from_be_bytes(trace_id.to_bytes()), &mut out);
        out.push_str(&self.public_key);
        push(&mut out, DscKey::SampleRate, facts.sample_rate);
        push(&mut out, DscKey::SampleRand, facts.sample_rand);
        push(&mut out, DscKey::Sampled, facts.sampled.map(|s| if s { "true" } else { "false" }));
        out.push_str(&self.release_and_environment);
        push(&mut out, DscKey::Transaction, facts.transaction);
        out.push_str(&self.org_id);
        out
    }
}
