//! `Aggregates`: each caller gets the outcome of its own command, and the log is right whatever happens.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod account;

use std::{sync::Arc, time::Duration};

use account::{Account, AccountCommand, AccountEvent, NotEnough, Scripted, Step, stream, write};
use chrono::{DateTime, Utc};
use composable_rust_core::{
    AppendError, Backoff, Clock, Codec, EventMetadata, EventStore, ExpectedVersion, Snapshot, SnapshotOutcome, Version,
};
use composable_rust_runtime::{Aggregates, CommandContext, ExecuteError, LoadError, Retries};
use composable_rust_testing::{FixedClock, InMemoryEventStore};
use futures::future::join_all;

use AccountCommand::{Deposit, DepositIf, DoNothing, Withdraw};
use AccountEvent::{Deposited, Withdrawn};

fn host(store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::new(store.clone(), ())
}

fn attempts(n: u32) -> Retries {
    let backoff = Backoff::exponential(n, Duration::from_millis(1));
    Retries::default().with_conflicts(backoff).with_outages(backoff)
}

fn impatient(store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::builder(store.clone(), ())
        .retries(attempts(2))
        .append_timeout(Duration::from_secs(1))
        .build()
}

async fn balance(host: &Aggregates<Account>) -> (i64, Version) {
    let state = host.state("a").await.unwrap();
    (*state.state, state.version)
}

#[tokio::test]
async fn a_command_is_stored_applied_and_answered() {
    let store = Scripted::new([]);
    let host = host(&store);
    let committed = host.execute("a", Deposit(5)).await.unwrap();
    assert_eq!(
        (committed.events, committed.version),
        (vec![Deposited(5)], Version::from(1))
    );
    assert!(committed.position.is_some());
    assert_eq!(balance(&host).await, (5, Version::from(1)));
    assert_eq!(store.stored(stream()).await, [Deposited(5)]);
    assert_eq!(store.appends()[0].expected, ExpectedVersion::NoStream, "never Any");
}

#[tokio::test]
async fn a_rejection_is_final_and_changes_nothing() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(5)).await.unwrap();
    let refused = host.execute("a", Withdraw(6)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(NotEnough { balance: 5 }))));
    assert_eq!(store.appends().len(), 1);
    assert_eq!(balance(&host).await, (5, Version::from(1)));
}

#[tokio::test]
async fn a_command_without_events_appends_nothing() {
    let store = Scripted::new([]);
    let committed = host(&store).execute("a", DoNothing).await.unwrap();
    assert_eq!(
        (committed.events, committed.version, committed.position),
        (vec![], Version::INITIAL, None)
    );
    assert!(store.appends().is_empty());
}

#[tokio::test]
async fn the_context_is_recorded_with_every_event() {
    let store = Scripted::new([]);
    let metadata = EventMetadata::default().with_actor("clerk-7");
    let context = CommandContext::default().with_metadata(metadata.clone());
    host(&store).execute_with("a", Deposit(1), context).await.unwrap();
    assert_eq!(store.inner.events(&stream())[0].metadata, Some(metadata));
}

#[tokio::test]
async fn history_is_loaded_before_the_first_decision() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(5), Withdrawn(2)]).await;
    assert_eq!(
        host(&store)
            .execute("a", DepositIf { balance: 3 })
            .await
            .unwrap()
            .version,
        Version::from(3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_decided_again_from_what_the_winner_wrote() {
    let store = Scripted::new([Step::OvertakenBy(vec![Deposited(10), Deposited(20)])]);
    let committed = host(&store).execute("a", Deposit(1)).await.unwrap();
    assert_eq!(committed.version, Version::from(3));
    let expected: Vec<_> = store.appends().iter().map(|append| append.expected).collect();
    assert_eq!(
        expected,
        [ExpectedVersion::NoStream, ExpectedVersion::Exact(Version::from(2))]
    );
    let ids: Vec<_> = store.appends().iter().map(|append| append.events[0].id).collect();
    assert_ne!(ids[0], ids[1], "a new decision is a new event");
}

#[tokio::test(start_paused = true)]
async fn a_decision_after_a_conflict_may_be_a_rejection() {
    let store = Scripted::new([Step::OvertakenBy(vec![Deposited(10)])]);
    let refused = host(&store).execute("a", DepositIf { balance: 0 }).await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Rejected(NotEnough { balance: 10 }))
    ));
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_reported_with_the_actual_version() {
    let overtaken = || Step::OvertakenBy(vec![Deposited(1)]);
    let store = Scripted::new([overtaken(), overtaken(), overtaken()]);
    let host = impatient(&store);
    let error = host.execute("a", Deposit(100)).await;
    assert!(matches!(error, Err(ExecuteError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    assert_eq!(store.appends().len(), 2);
    assert_eq!(balance(&host).await, (2, Version::from(2)), "none of it was stored");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_with_the_identical_append() {
    let store = Scripted::new([Step::Unavailable]);
    host(&store).execute("a", Deposit(1)).await.unwrap();
    let appends = store.appends();
    assert_eq!(appends[0], appends[1]);
    assert_eq!(store.stored(stream()).await, [Deposited(1)]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_is_unavailable_and_nothing_is_stored() {
    let store = Scripted::new([Step::Unavailable, Step::Unavailable]);
    let host = impatient(&store);
    assert!(matches!(
        host.execute("a", Deposit(1)).await,
        Err(ExecuteError::Unavailable(_))
    ));
    assert_eq!(balance(&host).await, (0, Version::INITIAL));
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_stored_once() {
    for step in [Step::AnswerLost, Step::Lost, Step::Panic, Step::Hang] {
        let store = Scripted::new([step]);
        let host = impatient(&store);
        assert_eq!(host.execute("a", Deposit(1)).await.unwrap().version, Version::from(1));
        let appends = store.appends();
        assert_eq!((appends.len(), &appends[0]), (2, &appends[1]), "the identical append");
        assert_eq!(store.stored(stream()).await, [Deposited(1)]);
        assert_eq!(balance(&host).await, (1, Version::from(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stays_lost_is_outcome_unknown_even_if_the_last_attempt_was_certain() {
    let store = Scripted::new([Step::AnswerLost, Step::Unavailable]);
    let host = impatient(&store);
    assert!(matches!(
        host.execute("a", Deposit(1)).await,
        Err(ExecuteError::OutcomeUnknown(_))
    ));
    assert_eq!(
        balance(&host).await,
        (1, Version::from(1)),
        "and the next look tells the truth"
    );
}

#[tokio::test]
async fn a_panic_in_decide_is_answered_and_changes_nothing() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    let error = host.execute("a", AccountCommand::Panic).await;
    assert!(matches!(error, Err(ExecuteError::Panicked { message }) if message == "decided to panic"));
    host.execute("a", DepositIf { balance: 1 }).await.unwrap();
}

#[tokio::test]
async fn a_panic_in_apply_drops_the_hot_state_and_the_next_command_loads() {
    let store = Scripted::new([]);
    let host = host(&store);
    let committed = host.execute("a", AccountCommand::Poison).await.unwrap();
    assert_eq!(
        committed.events,
        [AccountEvent::Poison],
        "what is stored is answered as stored"
    );
    let next = host.execute("a", Deposit(1)).await;
    assert!(matches!(next, Err(ExecuteError::Panicked { message }) if message == "applied poison"));
    assert!(matches!(host.state("a").await, Err(LoadError::Panicked { .. })));
    host.execute("b", Deposit(1)).await.unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_encoded_is_an_error_and_nothing_is_stored() {
    let store = Scripted::new([]);
    let host = host(&store);
    assert!(matches!(
        host.execute("a", AccountCommand::Unencodable).await,
        Err(ExecuteError::Unencodable(_))
    ));
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
}

#[tokio::test]
async fn an_unknown_event_in_the_history_is_named_and_never_skipped() {
    let store = Scripted::new([]);
    let mut foreign = account::serialized(&[Deposited(1)]);
    foreign[0].event_type = "Renamed.v1".into();
    store
        .inner
        .append_events(stream(), ExpectedVersion::Any, foreign)
        .await
        .unwrap();
    let error = host(&store).execute("a", Deposit(1)).await;
    assert!(matches!(error, Err(ExecuteError::Undecodable { version, .. }) if version == Version::from(1)));
}

#[tokio::test]
async fn an_id_that_names_no_stream_is_an_error() {
    let host = host(&Scripted::new([]));
    assert!(matches!(
        host.execute("a\0", Deposit(1)).await,
        Err(ExecuteError::InvalidId(_))
    ));
    assert!(matches!(
        host.state(&"x".repeat(600)).await,
        Err(LoadError::InvalidId(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_load_waits_an_outage_out_and_then_gives_up() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(5)]).await;
    store.fail_reads(1);
    assert_eq!(balance(&impatient(&store)).await, (5, Version::from(1)));
    store.fail_reads(2);
    assert!(matches!(
        impatient(&store).state("a").await,
        Err(LoadError::Unavailable(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn commands_of_one_stream_wait_in_order_and_each_caller_gets_its_own_outcome() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let all = join_all((0..20).map(|balance| host.execute("a", DepositIf { balance })));
    let (outcomes, ()) = tokio::join!(all, async {
        store.arrived.notified().await;
        store.proceed.notify_one();
    });
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().version.get(), n as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_and_two_hosts_never_lose_a_command() {
    let store = Arc::new(InMemoryEventStore::new());
    let retries = Retries::default().with_conflicts(Backoff::exponential(1000, Duration::from_micros(10)));
    let host = || {
        Aggregates::<Account>::builder(store.clone(), ())
            .retries(retries)
            .build()
    };
    let hosts = [host(), host()];
    let tasks = (0..200).map(|n| {
        let host = hosts[n % 2].clone();
        tokio::spawn(async move { host.execute(["a", "b"][n / 2 % 2], Deposit(1)).await.unwrap() })
    });
    join_all(tasks)
        .await
        .into_iter()
        .for_each(|joined| drop(joined.unwrap()));
    for host in &hosts {
        assert_eq!(balance(host).await, (100, Version::from(100)));
    }
}

#[tokio::test]
async fn a_dropped_caller_leaves_the_stream_usable_and_its_command_done_or_not() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    {
        let execute = host.execute("a", Deposit(1));
        tokio::select! {
            _ = execute => assert_eq!(store.appends().len(), 0, "the append is held"),
            () = store.arrived.notified() => {}
        }
    }
    host.execute("a", DepositIf { balance: 0 }).await.unwrap();
    assert_eq!(store.stored(stream()).await, [Deposited(1)]);
}

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
    let saved = async {
        while store.inner.snapshot(&stream()).is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), saved).await.unwrap();
    let wrong = Snapshot {
        version: Version::from(10),
        schema: 1,
        data: Codec::BINCODE.encode(&1000_i64).unwrap(),
    };
    assert_eq!(
        store.save_snapshot(stream(), wrong).await.unwrap(),
        SnapshotOutcome::Stored
    );
    assert_eq!(
        balance(&host(&store)).await,
        (1000, Version::from(10)),
        "the snapshot was believed, not the events"
    );
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_ignored_and_the_history_replayed() {
    let store = Scripted::new([]);
    write(&store, &[Deposited(7)]).await;
    let other = Snapshot {
        version: Version::from(1),
        schema: 99,
        data: vec![1, 2, 3],
    };
    store.save_snapshot(stream(), other).await.unwrap();
    assert_eq!(balance(&host(&store)).await, (7, Version::from(1)));
}

#[tokio::test]
async fn idle_streams_are_let_go_and_loaded_again() {
    let clock = Arc::new(FixedClock::default());
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.clone(), ())
        .clock(clock.clone())
        .idle_after(Duration::from_mins(1))
        .build();
    host.execute("a", Deposit(1)).await.unwrap();
    let later = |minutes| -> DateTime<Utc> { clock.now() + Duration::from_mins(minutes) };
    for (minutes, hot) in [(1, 2), (1, 1)] {
        clock.set(later(minutes));
        host.execute("b", Deposit(1)).await.unwrap();
        assert_eq!(host.hot(), hot);
    }
    assert_eq!(balance(&host).await, (1, Version::from(1)));
}

#[tokio::test]
async fn no_more_streams_stay_hot_than_was_asked_for() {
    let store = Scripted::new([]);
    let host = Aggregates::<Account>::builder(store.clone(), ()).keep_hot(10).build();
    for n in 0..100 {
        host.execute(&n.to_string(), Deposit(n)).await.unwrap();
        assert!(host.hot() <= 10);
    }
    for n in 0..100 {
        assert_eq!(*host.state(&n.to_string()).await.unwrap().state, n);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_what_is_running_finish_and_refuses_what_comes_later() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.execute("a", Deposit(1)).await }
    });
    store.arrived.notified().await;
    let shutdown = tokio::spawn({
        let host = host.clone();
        async move { host.shutdown(Duration::from_secs(5)).await }
    });
    tokio::task::yield_now().await;
    store.proceed.notify_one();
    assert!(shutdown.await.unwrap(), "all was done in time");
    assert!(running.await.unwrap().is_ok());
    assert!(matches!(host.execute("a", Deposit(1)).await, Err(ExecuteError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_deadline() {
    let store = Scripted::new([Step::Hang]);
    let host = host(&store);
    let _running = tokio::spawn({
        let host = host.clone();
        async move { host.execute("a", Deposit(1)).await }
    });
    store.arrived.notified().await;
    assert!(!host.shutdown(Duration::from_secs(5)).await);
    assert!(matches!(host.execute("b", Deposit(1)).await, Err(ExecuteError::Closed)));
}

#[tokio::test]
async fn a_refusal_of_the_store_is_passed_on() {
    let store = Scripted::new([Step::Full]);
    let refused = host(&store).execute("a", Deposit(1)).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(AppendError::Backend(_)))));
    assert_eq!(store.appends().len(), 1, "there is no point in repeating it");
}
