//! A runtime for a promise, and races on it.

use std::{panic, sync::Arc};

use tokio::{runtime::Builder, sync::Barrier, task::JoinError};

use super::Fixture;

/// Checks one promise on a runtime of its own, with four threads on any machine: races need them.
#[doc(hidden)]
pub fn run<F: Fixture, P: Future<Output = ()>>(fixture: impl Future<Output = F>, promise: impl FnOnce(F) -> P) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("a tokio runtime is needed to check a promise: {error}"));
    runtime.block_on(async { promise(fixture.await).await });
}

/// Starts all contenders at the same moment, each as a task, and returns their outcomes in order.
pub(super) async fn race<C>(contenders: impl IntoIterator<Item = C>) -> Vec<C::Output>
where
    C: Future<Output: Send> + Send + 'static,
{
    let contenders: Vec<C> = contenders.into_iter().collect();
    let start = Arc::new(Barrier::new(contenders.len().max(1)));
    let started = contenders.into_iter().map(|contender| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            contender.await
        })
    });
    let tasks: Vec<_> = started.collect();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        outcomes.push(task.await.unwrap_or_else(|error| carry_on(error)));
    }
    outcomes
}

/// A check that failed in a task has failed here.
pub(super) fn carry_on(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(payload) => panic::resume_unwind(payload),
        Err(error) => panic!("a task of the suite was cancelled: {error}"),
    }
}
