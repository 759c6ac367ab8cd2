//! Our member written into a `TraceState`, beside those of others.

use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use crate::sampling::{Randomness, Threshold};
use crate::tracestate::ot::{OtFields, OtValue};
use crate::tracestate::packing::Packed;
use crate::tracestate::status::{Marks, Origin};
use crate::tracestate::trace_state::{
    is_ours, is_valid, ot_fields, MAX_VALUE_BYTES, MEMBER_KEYS, OT_KEY,
};
use crate::wire::dsc::{DynamicSamplingContext, KnownMembers, MAX_SENTRY_MEMBERS};
use crate::wire::dsc_key::DscKey;

/// The most members ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/#list)).
const MAX_MEMBERS: usize = 32;

/// A member to be written.
pub(crate) struct NewMember<'a> {
    pub(crate) marks: Marks,
    pub(crate) dsc: DynamicSamplingContext<'a>,
    pub(crate) trace_id: TraceId,
}

/// What becomes of the `ot` member.
#[derive(Clone, Copy)]
pub(crate) enum Ot {
    Keep,
    /// It gets this `th`, or none, and this `rv` where it has none.
    Set {
        threshold: Option<Threshold>,
        added: Option<Randomness>,
    },
}

impl Ot {
    /// The new value; `None` where it says so already.
    fn rewrite(self, fields: OtFields<'_>) -> Option<OtValue> {
        let Ot::Set { threshold, added } = self else {
            return None;
        };
        let says_so = fields.threshold() == threshold
            && fields.has_threshold() == threshold.is_some()
            && added.is_none()
            && !fields.is_repeated();
        (!says_so).then(|| fields.rewritten(threshold, added))
    }
}

/// A DSC that becomes our member.
pub(crate) trait ToTraceState: KnownMembers {
    fn is_empty(&self) -> bool;

    /// `base` with this DSC behind `marks` in the place of our member, and another `ot`. It may be
    /// empty afterwards.
    fn to_trace_state(
        &mut self,
        base: &TraceState,
        marks: Marks,
        trace_id: TraceId,
        ot: Ot,
    ) -> TraceState;
}

impl ToTraceState for DynamicSamplingContext<'_> {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn to_trace_state(
        &mut self,
        base: &TraceState,
        marks: Marks,
        trace_id: TraceId,
        ot: Ot,
    ) -> TraceState {
        replace(base, Some(NewMember { marks, dsc: std::mem::take(self), trace_id }), ot)
    }
}

/// `base` with another member of ours, and another `ot`; other parties' members stay, in order.
pub(crate) fn replace(base: &TraceState, ours: Option<NewMember<'_>>, ot: Ot) -> TraceState {
    let others = Others::of(base, ot);
    let packed = ours.map(|member| pack(member, others.left_for_ours()));
    others.join(packed.as_ref())
}

/// A list with a member that is packed already, where there was none.
pub(crate) fn fresh(ours: &Packed, ot: Ot) -> TraceState {
    let ot = ot.rewrite(OtFields::default());
    let ot = ot.as_ref().and_then(OtValue::as_str).filter(|value| !value.is_empty());
    let list = match (ours.as_str().unwrap_or_default(), ot) {
        (packed, None) if packed.len() <= MAX_VALUE_BYTES => {
            TraceState::from_key_value([(MEMBER_KEYS[0], packed)])
        }
        (packed, Some(ot)) if packed.len() <= MAX_VALUE_BYTES => {
            TraceState::from_key_value([(MEMBER_KEYS[0], packed), (OT_KEY, ot)])
        }
        (packed, ot) => TraceState::from_key_value(values(packed).chain(ot.map(|ot| (OT_KEY, ot)))),
    };
    list.unwrap_or_default()
}

/// Our members that hold a packed text.
fn values(packed: &str) -> impl Iterator<Item = (&str, &str)> {
    MEMBER_KEYS.into_iter().enumerate().map_while(|(index, key)| {
        let start = index * MAX_VALUE_BYTES;
        let end = packed.len().min(start + MAX_VALUE_BYTES);
        packed.get(start..end).filter(|part| !part.is_empty()).map(|part| (key, part))
    })
}

/// The members of a list that are not ours.
///
/// ```text
/// list = list-member 0*31( OWS "," OWS list-member )
/// ```
///
/// The SDK checks less than W3C asks for: members that are not valid, or stand twice, go.
struct Others<'a> {
    /// The `ot` member, where it is another than in the list.
    ot: Option<OtValue>,
    rest: Vec<(&'a str, &'a str)>,
}

impl<'a> Others<'a> {
    fn of(base: &'a TraceState, ot: Ot) -> Self {
        let ot = ot.rewrite(ot_fields(base));
        let mut rest: Vec<(&str, &str)> = Vec::new();
        for (key, value) in base {
            let kept = !is_ours(key) && (ot.is_none() || key != OT_KEY);
            if kept && is_valid(key, value) && rest.iter().all(|(k, _)| *k != key) {
                rest.push((key, value));
            }
        }
        Others { ot, rest }
    }

    fn ot(&self) -> Option<(&str, &str)> {
        let value = self.ot.as_ref().and_then(OtValue::as_str).filter(|value| !value.is_empty());
        value.map(|value| (OT_KEY, value))
    }

    /// How many members ours may be.
    fn left_for_ours(&self) -> usize {
        MAX_MEMBERS.saturating_sub(self.rest.len() + usize::from(self.ot().is_some())).max(1)
    }

    fn join(mut self, ours: Option<&Packed>) -> TraceState {
        let packed = ours.and_then(Packed::as_str).unwrap_or_default();
        let has_ot = self.ot.as_ref().is_some_and(|ot| ot.len() > 0);
        let first = packed.len().div_ceil(MAX_VALUE_BYTES) + usize::from(has_ot);
        while first + self.rest.len() > MAX_MEMBERS {
            // Our members displace others, but never what decides over sampling.
            match self.rest.iter().rposition(|(key, _)| *key != OT_KEY) {
                Some(last) => self.rest.remove(last),
                None => break,
            };
        }
        let rest = self.rest.iter().map(|(key, value)| (*key, *value));
        let all = values(packed).chain(self.ot()).chain(rest);
        TraceState::from_key_value(all).unwrap_or_default()
    }
}

/// The member in at most `members` values: whole entries go until it fits, in the end all.
fn pack(mut member: NewMember<'_>, members: usize) -> Packed {
    let room = members * MAX_VALUE_BYTES;
    let fits = |member: &NewMember<'_>| {
        let mut packed = Packed::of(member.marks, room);
        packed.push_entries(&member.dsc, member.trace_id);
        let fits = !packed.is_overflowed() && member.dsc.len() <= MAX_SENTRY_MEMBERS;
        fits.then_some(packed)
    };
    loop {
        if let Some(packed) = fits(&member) {
            return packed;
        }
        if !drop_entry(&mut member.dsc) {
            break;
        }
    }
    if member.marks.origin == Origin::Continued {
        member.marks.origin = Origin::Withheld;
    }
    Packed::of(member.marks, room)
}

/// Takes out the entry that a trace can best do without; `false` where the rest is needed.
fn drop_entry(dsc: &mut DynamicSamplingContext<'_>) -> bool {
    const SPARED_LAST: [DscKey; 4] =
        [DscKey::Transaction, DscKey::ReplayId, DscKey::Environment, DscKey::Release];
    dsc.remove_last_unknown() || SPARED_LAST.into_iter().any(|key| dsc.remove(key))
}

/// A span context without our members, or what somebody else says in our name.
pub(crate) fn without_ours(span_context: &SpanContext) -> SpanContext {
    SpanContext::new(
        span_context.trace_id(),
        span_context.span_id(),
        span_context.trace_flags(),
        span_context.is_remote(),
        replace(span_context.trace_state(), None, Ot::Keep),
    )
}
