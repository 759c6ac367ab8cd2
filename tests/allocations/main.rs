//! Every operation allocates exactly as often as its row specifies.
//!
//! `benches/` counts instructions.

mod operations;

use std::alloc::System;

use http::HeaderMap;
use stats_alloc::{Region, StatsAlloc, INSTRUMENTED_SYSTEM};

use operations::{Request::*, Service, Step::*};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Operation, request, allocations, reallocations.
const ROWS: [(operations::Step, operations::Request, usize, usize); 26] = [
    (Extract, Absent, 0, 0),
    (Extract, TraceAlone, 4, 0),
    (Extract, Sampled, 7, 0),
    (Extract, SampledNoRate, 5, 0),
    (Extract, Unsampled, 5, 0),
    (Extract, Deferred, 5, 0),
    (Extract, Long, 5, 0),
    (Inject, Absent, 0, 0),
    (Inject, TraceAlone, 3, 0),
    (Inject, Sampled, 6, 0),
    (Inject, SampledNoRate, 6, 0),
    (Inject, Unsampled, 6, 0),
    (Inject, Deferred, 6, 0),
    (Inject, Long, 6, 0),
    (InjectHead, Absent, 6, 0),
    (InjectUserBaggage, Sampled, 7, 0),
    (InjectDenied, Sampled, 0, 0),
    (InjectDenied, Absent, 0, 0),
    (Full, Sampled, 25, 0),
    (Full, SampledNoRate, 19, 0),
    (FirstSpan, Sampled, 5, 0),
    (FirstSpan, SampledNoRate, 3, 0),
    (ChildSpan, SampledNoRate, 3, 0),
    (ClientSpan, SampledNoRate, 4, 0),
    (ClientSpanAnywhere, SampledNoRate, 4, 0),
    (StockSpan, SampledNoRate, 3, 0),
];

/// The allocation counter is global, so this suite has only this test.
#[test]
fn operations_allocate_as_specified() {
    let service = Service::new();
    let mut differences = Vec::new();
    for (step, request, allocations, reallocations) in ROWS {
        let operation = service.prepare(step, request);
        let count = || {
            let mut carrier = HeaderMap::with_capacity(16);
            let region = Region::new(ALLOCATOR);
            operation(&mut carrier);
            let stats = region.change();
            (stats.allocations, stats.reallocations)
        };
        // The first run allocates per-thread state. Take the minimum of the rest: the harness's own
        // thread can only add allocations.
        count();
        let counted = (0..5).map(|_| count()).min().expect("five counts");
        if counted != (allocations, reallocations) {
            differences.push(format!(
                "{step:?}, {request:?}: {counted:?}, expected {allocations}+{reallocations}"
            ));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
