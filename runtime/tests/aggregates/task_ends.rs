//! The task of a stream: its runtime may end, and what it calls may panic.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, Version};
use composable_rust_runtime::{Aggregates, ExecuteError, SystemClock};
use futures::future::BoxFuture;
use tokio::runtime::Builder;

use crate::{
    account::{Account, AccountCommand::Deposit, Scripted, Step},
    unpolled::{begun, soon},
};

#[tokio::test]
async fn a_runtime_that_ends_while_its_callers_wait_for_a_task_of_another_holds_up_nobody() {
    let store = Scripted::new([Step::Held]);
    let host = crate::host(&store);
    let unpolled = begun(host.execute("a", Deposit(1)));
    let ended = Builder::new_current_thread().enable_time().build().unwrap();
    let gone = {
        let _guard = ended.enter();
        begun(host.execute("a", Deposit(10)))
    };
    ended.shutdown_background();
    store.proceed.notify_one();
    let behind = soon(host.execute("a", Deposit(100))).await.unwrap();
    assert_eq!(behind.version, Version::from(3));
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
    assert_eq!(
        soon(gone).await.unwrap().version,
        Version::from(2),
        "carried out all the same"
    );
}

/// The default limit of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// A clock that panics at one of the sleeps that bound a call of the store.
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
        if duration == ATTEMPT_TIMEOUT {
            let nth = self.sleeps.fetch_add(1, Ordering::SeqCst) + 1;
            assert_ne!(nth, self.panics_at, "the clock panics");
        }
        SystemClock.sleep(duration)
    }
}

fn on(clock: Arc<Fragile>, store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::builder(store.port(), ()).clock(clock).build()
}

#[tokio::test]
async fn a_panic_in_the_task_is_an_answer_and_the_line_goes_on() {
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
