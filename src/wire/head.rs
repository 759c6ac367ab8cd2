//! The Dynamic Sampling Context of a trace that starts here.

use crate::wire::baggage::encode;
use crate::wire::dsc_key::DscKey;

/// What the head's settings give to its DSC, encoded once: each a comma and a member. What the trace
/// itself adds stands between, in the specification's order.
#[derive(Clone, Default)]
pub(crate) struct HeadTemplate {
    public_key: String,
    release_and_environment: String,
    org_id: String,
}

impl HeadTemplate {
    pub(crate) fn new(
        public_key: &str,
        release: Option<&str>,
        environment: &str,
        org_id: Option<&str>,
    ) -> Self {
        let member = |key: DscKey, value: &str| {
            let mut member = String::new();
            key.push_member(&mut member);
            member.push_str(&encode(value));
            member
        };
        let member_of = |key, value: Option<&str>| value.map(|value| member(key, value));
        HeadTemplate {
            public_key: member(DscKey::PublicKey, public_key),
            release_and_environment: member_of(DscKey::Release, release).unwrap_or_default()
                + &member(DscKey::Environment, environment),
            org_id: member_of(DscKey::OrgId, org_id).unwrap_or_default(),
        }
    }

    /// The trace id, of the digits `own_id`, and the public key; with room for the rest, and for
    /// `facts_bytes` of the trace's own.
    pub(crate) fn start(&self, own_id: &str, facts_bytes: usize) -> String {
        let trace_id = DscKey::TraceId.member();
        let len = trace_id.len()
            + own_id.len()
            + self.public_key.len()
            + self.release_and_environment.len()
            + self.org_id.len();
        let mut list = String::with_capacity(len + facts_bytes);
        list.push_str(trace_id);
        list.push_str(own_id);
        list.push_str(&self.public_key);
        list
    }

    pub(crate) fn push_release_and_environment(&self, list: &mut String) {
        list.push_str(&self.release_and_environment);
    }

    pub(crate) fn push_org_id(&self, list: &mut String) {
        list.push_str(&self.org_id);
    }
}
