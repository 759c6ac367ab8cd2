//! Sampling arithmetic: rates, thresholds and `sample_rand`. Pure numbers, no headers.
//!
//! A trace's randomness R is 56 bits wide, as in OTel's probability sampling. With M = 2^56 and
//! X = M-1-R, a rate keeps K = round(rate * M) of the M values: sampled <=> R >= M-K <=> X < K.
//! `sample_rand` is X/M cut to six digits, and moved to the decision's side of the rate where the
//! cut lost that.
//!
//! A trace with R = 0.7 * M at rate 0.25, for example: X/M is 0.3 (0.299999 after the cut), K is
//! 0.25 * M, so X >= K, the trace is not sampled, and `sample_rand` 0.299999 is not below the rate.

pub(crate) mod randomness;
pub(crate) mod rate;
pub(crate) mod sample_rand;
pub(crate) mod trace_sampling;
