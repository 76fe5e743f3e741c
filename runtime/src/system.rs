//! Time and identifiers of the machine: what production hands in where tests hand in their own.

use std::{
    future::Future,
    pin::pin,
    task::Poll,
    thread,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, SubsecRound, Utc};
use composable_rust_core::{Clock, IdGenerator};
use futures::{
    channel::oneshot,
    future::{self, BoxFuture},
};
use tokio::{runtime::Handle, time::Instant};
use uuid::Uuid;

/// The machine's clock, in microseconds: as fine as every event store keeps time, so that nothing is lost on the way.
///
/// Its sleeps use the timer of the tokio runtime that they are awaited on, which must be enabled; outside of any runtime each
/// sleeps on a thread of its own.
///
/// ```
/// use composable_rust_core::Clock;
/// use composable_rust_runtime::SystemClock;
///
/// let now = SystemClock.now();
/// assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        // Not `Utc::now()`, which panics before 1970.
        DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(6)
    }

    /// Counts from this call, not from its first poll. A duration beyond what the machine can count never ends.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let deadline = Instant::now().checked_add(duration);
        Box::pin(async move {
            match deadline {
                Some(deadline) if Handle::try_current().is_ok() => sleep_on_runtime(deadline).await,
                Some(deadline) => sleep_on_thread(deadline).await,
                None => future::pending().await,
            }
        })
    }
}

/// The timer is that of the runtime that polls it: a future may be polled on another one than before, and tokio's timers panic
/// once their runtime has ended.
async fn sleep_on_runtime(deadline: Instant) {
    let (mut timer, mut made_on) = (pin!(None), None);
    future::poll_fn(|context| {
        let runtime = Handle::try_current().map(|runtime| runtime.id()).ok();
        if made_on != runtime {
            made_on = runtime;
            timer.set(Some(tokio::time::sleep_until(deadline)));
        }
        let timer = timer.as_mut().as_pin_mut();
        timer.map_or(Poll::Pending, |timer| timer.poll(context))
    })
    .await;
}

/// Without a runtime there is no timer: the alternative would be tokio's panic, instead of the answer that the caller of a
/// store gets otherwise. The thread ends early once the sleep is dropped.
async fn sleep_on_thread(deadline: Instant) {
    let (over, is_over) = oneshot::channel::<()>();
    let (sleeper, dropped) = std::sync::mpsc::channel::<()>();
    thread::spawn(move || {
        let _ = dropped.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let _ = over.send(());
    });
    let _ = is_over.await;
    drop(sleeper);
}

/// Fresh UUIDv7 ids: ordered by time, also those of one millisecond that come from one process.
///
/// ```
/// use composable_rust_core::IdGenerator;
/// use composable_rust_runtime::SystemIds;
///
/// let (first, second) = (SystemIds.uuid(), SystemIds.uuid());
/// assert!(first < second);
/// assert_eq!(first.get_version_num(), 7);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
