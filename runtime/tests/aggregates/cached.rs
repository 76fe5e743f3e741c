//! Which streams stay in memory, and how they are refreshed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, Codec, EventStore, Snapshot, SnapshotOutcome, Version};
use composable_rust_runtime::{Aggregates, CommandContext, ExecuteError};
use composable_rust_testing::FixedClock;

use crate::{
    account::{
        Account,
        AccountCommand::{Deposit, DepositIf, DoNothing, Withdraw},
        AccountEvent::Deposited,
        NotEnough, ReadStep, Scripted, Step, stream, write,
    },
    balance, host, impatient,
    unpolled::begun,
    until,
};

#[tokio::test]
async fn a_state_is_never_older_than_the_call_also_where_others_write() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    let before = host.state("a").await.unwrap();
    write(&store, &[Deposited(10)]).await;
    assert_eq!(balance(&host).await, (11, Version::from(2)));
    assert_eq!(*before.state, 1, "what was handed out does not change");
}

#[tokio::test]
async fn no_command_is_rejected_for_what_is_no_longer_so() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    write(&store, &[Deposited(10)]).await;
    let withdrawn = host.execute("a", Withdraw(11)).await.unwrap();
    assert_eq!(withdrawn.version, Version::from(3));
    write(&store, &[Deposited(5)]).await;
    let refused = host.execute("a", Withdraw(6)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(NotEnough { balance: 5 }))));
}

#[tokio::test]
async fn a_caller_that_saw_more_than_this_process_is_not_contradicted() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    write(&store, &[Deposited(10)]).await;
    let saw = CommandContext::default().with_expected_version(Version::from(2));
    let withdrawn = host.execute_with("a", Withdraw(11), saw).await.unwrap();
    assert_eq!(withdrawn.version, Version::from(3));
}

#[tokio::test]
async fn a_command_that_changes_nothing_says_the_version_at_which_that_is_so() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    write(&store, &[Deposited(10)]).await;
    let nothing = host.execute("a", DoNothing).await.unwrap();
    assert_eq!(nothing.version, Version::from(2));
}

#[tokio::test]
async fn only_answers_without_an_append_look_for_what_others_wrote_and_only_once() {
    let store = Scripted::new([]);
    let host = host(&store);
    let refused = host.execute("a", Withdraw(1)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(_))));
    assert_eq!(store.reads(), 1, "what was just loaded is new");
    host.execute("a", Deposit(1)).await.unwrap();
    assert_eq!(store.reads(), 1, "the append finds out");
    let refused = host.execute("a", Withdraw(2)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(_))));
    assert_eq!(store.reads(), 2);
}

#[tokio::test]
async fn a_rejection_that_can_not_be_made_sure_of_is_an_outage() {
    let store = Scripted::new([]);
    let host = impatient(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    store.script_reads([ReadStep::Unavailable, ReadStep::Unavailable]);
    let refused = host.execute("a", Withdraw(2)).await;
    assert!(matches!(refused, Err(ExecuteError::Unavailable(_))));
    let refused = host.execute("a", Withdraw(2)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(NotEnough { balance: 1 }))));
}

#[tokio::test]
async fn a_stream_that_has_lost_events_is_loaded_anew() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    host.execute("a", Deposit(2)).await.unwrap();
    store.inner.reset();
    let committed = host.execute("a", DepositIf { balance: 3 }).await;
    assert!(matches!(
        committed,
        Err(ExecuteError::Rejected(NotEnough { balance: 0 }))
    ));
}

#[tokio::test]
async fn a_snapshot_is_offered_when_it_is_due_and_loading_begins_from_it() {
    let store = Scripted::new([]);
    let first = host(&store);
    for _ in 0..10 {
        first.execute("a", Deposit(1)).await.unwrap();
    }
    until(|| store.inner.snapshot(&stream()).is_some()).await;
    let wrong = Snapshot {
        version: Version::from(10),
        schema: 1,
        data: Codec::BINCODE.encode(&1000_i64).unwrap(),
    };
    assert_eq!(
        store.inner.save_snapshot(stream(), wrong).await.unwrap(),
        SnapshotOutcome::Stored
    );
    assert_eq!(
        balance(&host(&store)).await,
        (1000, Version::from(10)),
        "the snapshot was believed, not the events"
    );
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_ignored_and_replaced_after_a_replay() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(7)]).await;
    let other = Snapshot {
        version: Version::from(1),
        schema: 99,
        data: vec![1, 2, 3],
    };
    store.inner.save_snapshot(stream(), other).await.unwrap();
    assert_eq!(balance(&host(&store)).await, (7, Version::from(1)));
    until(|| {
        let snapshot = store.inner.snapshot(&stream());
        snapshot.is_some_and(|snapshot| snapshot.schema != 99)
    })
    .await;
}

#[tokio::test]
async fn idle_streams_are_dropped_and_loaded_again() {
    let clock = Arc::new(FixedClock::default());
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .clock(clock.clone())
        .cache_time_to_idle(Duration::from_mins(1))
        .build();
    host.execute("a", Deposit(1)).await.unwrap();
    let later = |minutes| -> DateTime<Utc> { clock.now() + Duration::from_mins(minutes) };
    for (minutes, cached) in [(1, 2), (1, 1)] {
        clock.set(later(minutes));
        host.execute("b", Deposit(1)).await.unwrap();
        assert_eq!(host.cached_streams(), cached);
    }
    assert_eq!(balance(&host).await, (1, Version::from(1)));
}

#[tokio::test]
async fn no_more_streams_are_cached_than_was_asked_for() {
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .max_cached_streams(10)
        .build();
    for n in 0..100 {
        host.execute(&n.to_string(), Deposit(n)).await.unwrap();
        assert!(host.cached_streams() <= 10);
    }
    for n in 0..100 {
        assert_eq!(*host.state(&n.to_string()).await.unwrap().state, n);
    }
}

#[tokio::test]
async fn a_cache_of_0_streams_holds_none() {
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .max_cached_streams(0)
        .build();
    for n in 1..=3 {
        host.execute("a", Deposit(1)).await.unwrap();
        assert_eq!(host.cached_streams(), 0);
        assert_eq!(store.reads(), n, "loaded each time");
    }
}

#[tokio::test]
async fn a_stream_with_work_is_never_dropped_and_the_cache_is_within_its_bound_afterwards() {
    let store = Scripted::new([Step::Held, Step::Held]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .max_cached_streams(1)
        .build();
    let both = [
        begun(host.execute("a", Deposit(1))),
        begun(host.execute("b", Deposit(1))),
    ];
    assert_eq!(host.cached_streams(), 2);
    let behind = begun(host.execute("a", Deposit(10)));
    store.proceed.notify_one();
    store.proceed.notify_waiters();
    for first in both {
        first.await.unwrap();
    }
    assert_eq!(behind.await.unwrap().version, Version::from(2));
    until(|| host.cached_streams() <= 1).await;
}

/// The clock was a day ahead, and is corrected.
#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stop_idle_streams_from_being_dropped() {
    let clock = Arc::new(FixedClock::default());
    let right = clock.now();
    clock.set(right + Duration::from_hours(24));
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .clock(clock.clone())
        .cache_time_to_idle(Duration::from_mins(1))
        .build();
    host.execute("a", Deposit(1)).await.unwrap();
    for minute in 0..4 {
        clock.set(right + Duration::from_mins(minute));
        host.execute("b", Deposit(1)).await.unwrap();
    }
    assert_eq!(host.cached_streams(), 1);
}

#[tokio::test]
async fn a_clock_before_1970_is_a_clock_like_others() {
    let clock = Arc::new(FixedClock::default());
    clock.set(DateTime::UNIX_EPOCH - Duration::from_hours(24));
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.port(), ()).clock(clock).build();
    host.execute("a", Deposit(1)).await.unwrap();
    assert_eq!(host.cached_streams(), 1);
}

#[test]
fn building_a_host_needs_no_runtime() {
    let store = Scripted::new([]);
    assert_eq!(host(&store).cached_streams(), 0);
}
