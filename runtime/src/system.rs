//! Time and identifiers of the machine: what production hands in where tests hand in their own.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use composable_rust_core::{Clock, IdGenerator};
use futures::future::{self, BoxFuture};
use tokio::time::Instant;
use uuid::Uuid;

/// The machine's clock, in microseconds: as fine as every event store keeps time, so that nothing is lost on the way.
///
/// Its sleeps need a tokio runtime with its timer enabled where they are awaited; the store has one.
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
        Utc::now().trunc_subsecs(6)
    }

    /// Counts from this call, not from its first poll. A duration beyond what the machine can count never ends.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let deadline = Instant::now().checked_add(duration);
        // The timer is made when it is polled: tokio's would panic here outside of a runtime.
        Box::pin(async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => future::pending().await,
            }
        })
    }
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
