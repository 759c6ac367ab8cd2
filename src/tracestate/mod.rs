//! Our member of `tracestate` (`member`: its `status`, then its `entries`; `member_text` writes
//! it), the list around it, and OTel's `ot` member.

pub(crate) mod entries;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod member_text;
pub(crate) mod ot;
pub(crate) mod sample_rate;
pub(crate) mod status;
