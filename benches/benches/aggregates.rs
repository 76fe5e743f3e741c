//! A command on a hot aggregate: decide, encode, append in memory, apply.

#![expect(clippy::unwrap_used, reason = "a failed benchmark may panic")]

use std::sync::Arc;

use composable_rust::{Aggregates, testing::InMemoryEventStore};
use composable_rust_benches::Basket;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;

fn execute(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("aggregates");
    let fresh = || {
        (
            Aggregates::<Basket>::new(Arc::new(InMemoryEventStore::new()), ()),
            0_u32,
        )
    };
    // A thousand commands on one stream, so that loading and growing are a part of the thousandth.
    group.throughput(criterion::Throughput::Elements(1000));
    group.bench_function("1,000 commands, one hot stream, in memory", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            fresh,
            |(baskets, _)| async move {
                for quantity in 0..1000 {
                    baskets.execute("b-1", quantity).await.unwrap();
                }
                baskets
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, execute);
criterion_main!(benches);
