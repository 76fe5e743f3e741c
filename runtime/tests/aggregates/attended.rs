//! Work that changes hands: a lone caller polls it until somebody waits behind it, then a task does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, Version};
use composable_rust_runtime::{Aggregates, ExecuteError, SystemClock};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, TestClock};
use futures::future::{BoxFuture, poll_fn};
use tokio::runtime::Builder;

use crate::{
    account::{Account, AccountCommand::Deposit, Scripted, Step},
    unpolled::{begun, soon},
};

/// The wake-up that says that the work can go on comes while the caller is still polling it, and reaches the task that
/// wants to take it over just then. The caller never polls again.
#[test]
fn a_wake_up_that_comes_while_the_work_changes_hands_is_not_lost() {
    let task = Arc::new(Builder::new_current_thread().enable_time().build().unwrap());
    let store = FaultyEventStore::new(InMemoryEventStore::new());
    let (polls, behind) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&task));
    store.nth_append(1).is_held_until(poll_fn(move |context| {
        match polls.fetch_add(1, Ordering::SeqCst) {
            0 => return Poll::Pending,
            1 => {}
            _ => return Poll::Ready(()),
        }
        context.waker().wake_by_ref();
        // Meanwhile, on another thread: the task is polled, and finds the caller at work.
        behind.block_on(async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
        Poll::Pending
    }));
    let clock = Arc::new(TestClock::new());
    let host = Aggregates::<Account>::builder(Arc::new(store), ()).clock(clock).build();
    let mut unpolled = begun(host.execute("a", Deposit(1)));
    let waits = {
        let _guard = task.enter();
        begun(host.execute("a", Deposit(10)))
    };
    assert!(futures::FutureExt::now_or_never(&mut unpolled).is_none());
    let waits = task.block_on(async { tokio::time::timeout(Duration::from_secs(10), waits).await });
    assert_eq!(waits.unwrap().unwrap().version, Version::from(2));
    let unpolled = task.block_on(unpolled);
    assert_eq!(unpolled.unwrap().version, Version::from(1));
}

#[tokio::test]
async fn a_runtime_that_ends_before_it_has_taken_over_leaves_the_work_to_the_next_one() {
    let store = Scripted::new([Step::Held]);
    let host = crate::host(&store);
    let unpolled = begun(host.execute("a", Deposit(1)));
    let ended = Builder::new_current_thread().build().unwrap();
    let gone = {
        let _guard = ended.enter();
        begun(host.execute("a", Deposit(10)))
    };
    ended.shutdown_background();
    store.proceed.notify_one();
    let behind = soon(host.execute("a", Deposit(100))).await.unwrap();
    assert_eq!(behind.version, Version::from(2));
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
    assert!(matches!(soon(gone).await, Err(ExecuteError::Unavailable(_))));
}

/// A clock that panics at one of its sleeps.
struct Fragile {
    panics_at: usize,
    sleeps: AtomicUsize,
}

impl Fragile {
    fn at(panics_at: usize) -> Arc<Self> {
        let sleeps = AtomicUsize::new(0);
        Arc::new(Self { panics_at, sleeps })
    }
}

impl Clock for Fragile {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let nth = self.sleeps.fetch_add(1, Ordering::SeqCst) + 1;
        assert_ne!(nth, self.panics_at, "the clock panics");
        SystemClock.sleep(duration)
    }
}

fn on(clock: Arc<Fragile>, store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::builder(store.port(), ()).clock(clock).build()
}

#[tokio::test]
async fn a_panic_in_the_task_that_has_taken_over_is_an_answer_and_the_line_goes_on() {
    let store = Scripted::new([Step::Held]);
    // The first sleep bounds the read, the second one the append.
    let host = on(Fragile::at(2), &store);
    let read = store.hold_next_read();
    let first = begun(host.execute("a", Deposit(1)));
    let behind = begun(host.execute("a", Deposit(10)));
    read.notify_one();
    assert_eq!(soon(behind).await.unwrap().version, Version::from(1));
    assert!(matches!(soon(first).await, Err(ExecuteError::OutcomeUnknown(_))));
}

#[tokio::test]
async fn a_panic_while_the_line_is_served_leaves_those_behind_in_line() {
    let store = Scripted::new([Step::Held, Step::Held]);
    let host = on(Fragile::at(2), &store);
    let first = begun(host.execute("a", Deposit(1)));
    let panics = begun(host.execute("a", Deposit(10)));
    let looks = begun(host.state("a"));
    let behind = begun(host.execute("a", Deposit(100)));
    store.proceed.notify_one();
    soon(first).await.unwrap();
    assert!(matches!(soon(panics).await, Err(ExecuteError::OutcomeUnknown(_))));
    assert_eq!(soon(looks).await.unwrap().version, Version::from(1));
    assert_eq!(soon(behind).await.unwrap().version, Version::from(2));
    assert!(
        host.shutdown(Duration::from_secs(5)).await,
        "all places were given back"
    );
}
