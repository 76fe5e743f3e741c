//! A process that hosts orders, and may crash.

use std::{sync::Arc, time::Duration};

use composable_rust::{
    Aggregates, Backoff, EventStore, RetryPolicy,
    testing::{SequentialIds, TestClock},
};
use order_processing::order::{Order, OrderEnvironment};
use tokio::runtime::{Builder, Runtime};

use super::dice::Dice;

fn retries(attempts: u32) -> RetryPolicy {
    let outages = Backoff::exponential(attempts, Duration::from_millis(50));
    RetryPolicy::default().with_on_unavailable(outages)
}

/// A host on a runtime of its own, which is all that ends when the process does.
pub(super) struct Process {
    runtime: Runtime,
    pub(super) host: Aggregates<Order>,
}

impl Process {
    /// The nth process of the run: no other has its ids.
    pub(super) fn start(nth: usize, store: Arc<dyn EventStore>, clock: &TestClock, dice: &mut Dice) -> Self {
        let (clock, ids) = (
            Arc::new(clock.clone()),
            SequentialIds::series(u16::try_from(nth).unwrap()),
        );
        let host = Aggregates::builder(store, OrderEnvironment::new(clock.clone()))
            .clock(clock)
            .ids(Arc::new(ids))
            // One that keeps nothing for long, or one that keeps all: in between, what stays in memory is chance.
            .max_cached_streams(*dice.one_of(&[1, 1000]))
            .retry_policy(retries(*dice.one_of(&[1, 2, 5])))
            .attempt_timeout(Duration::from_secs(5))
            .build();
        let runtime = Builder::new_current_thread().event_interval(1).build().unwrap();
        Self { runtime, host }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Lets the process work for a while.
    pub(super) fn work(&self, turns: usize) {
        self.runtime.block_on(async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(super) fn block_on<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }
}
