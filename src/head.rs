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

    /// The head's members in the specification's order. `push_fact` appends what the trace says of a
    /// key, of at most `facts_bytes` together, and tells whether it says anything.
    pub(crate) fn compose(
        &self,
        trace_id: TraceId,
        facts_bytes: usize,
        push_fact: impl Fn(&mut String, DscKey) -> bool,
    ) -> String {
        /// The trace id's member, and the names of those that facts are about.
        const OWN_BYTES: usize = 128;
        let capacity = OWN_BYTES
            + facts_bytes
            + self.public_key.len()
            + self.release_and_environment.len()
            + self.org_id.len();
        let mut out = String::with_capacity(capacity);
        let push = |out: &mut String, key: DscKey| {
            let end = out.len();
            out.push(',');
            out.push_str(key.member());
            if !push_fact(out, key) {
                out.truncate(end);
            }
        };
        out.push_str(DscKey::TraceId.member());
        push_hex128(u128::from_be_bytes(trace_id.to_bytes()), &mut out);
        out.push_str(&self.public_key);
        push(&mut out, DscKey::SampleRate);
        push(&mut out, DscKey::SampleRand);
        push(&mut out, DscKey::Sampled);
        out.push_str(&self.release_and_environment);
        push(&mut out, DscKey::Transaction);
        out.push_str(&self.org_id);
        out
    }
}
