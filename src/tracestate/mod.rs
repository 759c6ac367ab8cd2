//! The bridge: our member of `tracestate`, the list around it, OTel's `ot` member.

pub(crate) mod new_trace_state;
pub(crate) mod ot;
pub(crate) mod packed_members;
pub(crate) mod packing;
pub(crate) mod plain_dsc;
pub(crate) mod sample_rate;
pub(crate) mod status;
pub(crate) mod trace_state;
pub(crate) mod unpacking;
