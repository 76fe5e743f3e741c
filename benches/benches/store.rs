//! What an action costs in the store: without effects, emitted, tracked, and from eight threads at once.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where it fails")]

use std::{
    sync::Barrier,
    time::{Duration, Instant},
};

use composable_rust::{Effect, Reducer, Store};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};

/// Counts; an action of `n` emits `n - 1` until there is none.
struct Counter;

impl Reducer for Counter {
    type State = u64;
    type Action = u64;
    type Environment = ();

    fn reduce(&self, count: &mut u64, left: &u64, (): &()) -> Effect<u64> {
        *count += 1;
        if *left == 0 {
            Effect::none()
        } else {
            Effect::emit(left - 1)
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn counter(runtime: &Runtime) -> Store<Counter> {
    Store::builder(Counter, ())
        .handle(runtime.handle().clone())
        .build(0)
        .unwrap()
}

fn one_caller(criterion: &mut Criterion) {
    let runtime = runtime();
    let store = counter(&runtime);
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(1));
    group.bench_function("try_dispatch without effects", |bencher| {
        bencher.iter(|| store.try_dispatch(0).unwrap());
    });
    group.bench_function("dispatch without effects", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    store.dispatch(0).await.unwrap();
                }
                start.elapsed()
            })
        });
    });
    group.bench_function("send and settle without effects", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    store.send(0).await.unwrap().settled().await.unwrap();
                }
                start.elapsed()
            })
        });
    });
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("a thousand emitted actions", |bencher| {
        bencher.iter_custom(|times| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..times {
                    store.dispatch(1_000).await.unwrap();
                }
                store.send(0).await.unwrap().settled().await.unwrap();
                start.elapsed()
            })
        });
    });
    group.finish();
}

/// The time that `times` dispatches take, shared by `threads` threads.
fn dispatched_by(threads: u64, times: u64) -> Duration {
    let runtime = runtime();
    let store = counter(&runtime);
    let barrier = Barrier::new(usize::try_from(threads).unwrap() + 1);
    let each = times.div_ceil(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                runtime.block_on(async {
                    barrier.wait();
                    for _ in 0..each {
                        store.dispatch(0).await.unwrap();
                    }
                    barrier.wait();
                });
            });
        }
        barrier.wait();
        let start = Instant::now();
        barrier.wait();
        while store.state(|count| *count) < each * threads {
            std::thread::yield_now();
        }
        start.elapsed()
    })
}

fn many_callers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(1));
    for threads in [2, 8] {
        group.bench_function(format!("dispatch from {threads} threads"), |bencher| {
            bencher.iter_custom(|times| dispatched_by(threads, times));
        });
    }
    group.finish();
}

criterion_group!(benches, one_caller, many_callers);
criterion_main!(benches);
