//! A command on a cached aggregate, in memory: decide, encode, append, apply. On one stream, and on 64 streams at once.

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
    group.bench_function("1,000 commands, one cached stream, in memory", |bencher| {
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

/// So many commands of each of 64 tasks, each on a stream of its own.
const EACH: u32 = 200;

async fn on_64_streams(baskets: Aggregates<Basket>) -> Aggregates<Basket> {
    let mut tasks = tokio::task::JoinSet::new();
    for stream in 0..64 {
        let baskets = baskets.clone();
        tasks.spawn(async move {
            let id = format!("b-{stream}");
            for quantity in 0..EACH {
                baskets.execute(&id, quantity).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    baskets
}

fn execute_on_64_streams(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("aggregates");
    group.throughput(criterion::Throughput::Elements(64 * u64::from(EACH)));
    group.bench_function("64 tasks on 64 streams, in memory", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || Aggregates::<Basket>::new(Arc::new(InMemoryEventStore::new()), ()),
            on_64_streams,
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, execute, execute_on_64_streams);
criterion_main!(benches);
