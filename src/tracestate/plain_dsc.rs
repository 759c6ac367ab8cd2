//! A DSC as nearly every request brings it: in one line of baggage octets, with keys that the
//! specification names, each once. It is packed while it is read.

use opentelemetry::trace::{TraceId, TraceState};

use crate::sampling::SampleRand;
use crate::tracestate::new_trace_state::{fresh, Ot, ToTraceState};
use crate::tracestate::packing::{Packed, MAX_PACKED_BYTES};
use crate::tracestate::status::{Marks, MARK_BYTES};
use crate::wire::baggage::plain_members;
use crate::wire::dsc::{names_trace, trace_id_digits, KnownMembers};
use crate::wire::dsc_key::{is_sentry_key, DscKey, KEYS};

/// What a `sample_rand` that is missing takes, packed.
const SAMPLE_RAND_BYTES: usize = 8;

/// Members that are packed already, and where they came from.
pub(crate) struct PlainDsc<'a> {
    packed: Packed,
    known: [Option<&'a str>; KEYS.len()],
    sample_rand: Option<SampleRand>,
    /// The digits of the trace's id.
    own_id: [u8; 32],
}

impl Default for PlainDsc<'_> {
    fn default() -> Self {
        PlainDsc::new(TraceId::INVALID)
    }
}

impl<'a> PlainDsc<'a> {
    /// No members yet, for a trace that comes without a trace state.
    pub(crate) fn new(trace_id: TraceId) -> Self {
        PlainDsc {
            packed: Packed::of(Marks::FOREIGN, MAX_PACKED_BYTES),
            known: [None; KEYS.len()],
            sample_rand: None,
            own_id: trace_id_digits(trace_id),
        }
    }

    /// Reads the members of a line; `false` where it takes a
    /// [`DynamicSamplingContext`](crate::DynamicSamplingContext) to do that.
    pub(crate) fn read(&mut self, line: &'a str) -> bool {
        let Some(members) = plain_members(line) else {
            return false;
        };
        for member in members {
            let Some((key, value)) = DscKey::split(member) else {
                if is_sentry_key(member) {
                    return false;
                }
                continue;
            };
            match self.known.get_mut(key as usize) {
                Some(slot @ None) => *slot = Some(value),
                _ => return false,
            }
            self.packed.push_known(key, value, &self.own_id);
        }
        self.sample_rand = self.known(DscKey::SampleRand).and_then(SampleRand::parse_incoming);
        let has_valid_rand = self.sample_rand.is_some() || self.known(DscKey::SampleRand).is_none();
        let has_room = self.packed.len() <= MAX_PACKED_BYTES - SAMPLE_RAND_BYTES;
        self.packed.quote();
        has_valid_rand && has_room && !self.packed.is_overflowed()
    }
}

impl KnownMembers for PlainDsc<'_> {
    #[inline]
    fn known(&self, key: DscKey) -> Option<&str> {
        *self.known.get(key as usize)?
    }

    /// Appends it: a value that is there was found valid.
    fn set_text(&mut self, key: DscKey, value: &str) {
        self.packed.push_known(key, value, &self.own_id);
    }

    fn names_trace(&self, trace_id: TraceId) -> Option<bool> {
        let value = self.known(DscKey::TraceId)?;
        match value.as_bytes() == self.own_id {
            true => Some(true),
            false => names_trace(value, trace_id),
        }
    }

    fn sample_rand(&self) -> Option<SampleRand> {
        self.sample_rand
    }
}

impl ToTraceState for PlainDsc<'_> {
    fn is_empty(&self) -> bool {
        self.packed.len() == MARK_BYTES
    }

    fn to_trace_state(
        &mut self,
        _none: &TraceState,
        marks: Marks,
        _trace_id: TraceId,
        ot: Ot,
    ) -> TraceState {
        self.packed.set_marks(marks);
        fresh(&self.packed, ot)
    }
}
