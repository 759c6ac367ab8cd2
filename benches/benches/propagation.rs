//! Times of the table's scenarios: `cargo bench --bench propagation`.
//!
//! A name is a criterion filter: `-- 'inject'`. Times are never checked; the table checks counts.

use benches::{carrier, SCENARIOS};
use criterion::{criterion_group, criterion_main, BatchSize, Criterion};

fn propagation(criterion: &mut Criterion) {
    for scenario in SCENARIOS {
        let mut group = criterion.benchmark_group(scenario.name());
        let operation = scenario.prepare();
        group.bench_function(scenario.by(), |bencher| {
            bencher.iter_batched_ref(
                carrier,
                |carrier| operation.run(carrier),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, propagation);
criterion_main!(benches);
