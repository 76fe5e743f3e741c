//! Group commit: who shares a statement, and what it does to the others in it.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::TestDatabase;
use futures::future::{self, BoxFuture};
use sqlx::Executor;

use crate::{
    strangers::{Gate, insert, number, until_blocked},
    support::{self, actual, append, command, event, events, ids, open, stranger, stream},
};

type Appending<'a> = BoxFuture<'a, Result<composable_rust_core::Appended, AppendError>>;

/// As many groups as are ever in flight.
const IN_FLIGHT: i64 = 4;

/// Appends held in the middle of their statements, as many as are ever in flight: what comes now must wait.
struct Held {
    gate: Gate,
    held: Vec<tokio::task::JoinHandle<()>>,
}

impl Held {
    async fn up(database: &TestDatabase, store: &PostgresEventStore) -> Self {
        let gate = Gate::closed(database).await;
        let mut held = Vec::new();
        for own in 0..IN_FLIGHT {
            let store = store.clone();
            held.push(tokio::spawn(async move {
                append(&store, format!("held-{own}"), 0..1).await;
            }));
            // A group that is held up lets the next one past.
            until_blocked(database, own + 1).await;
        }
        Self { gate, held }
    }

    async fn release(self) {
        self.gate.open().await;
        for held in self.held {
            held.await.unwrap();
        }
    }

    /// Lets the appends wait in their queue, releases what was held, and returns their answers.
    async fn release_after(
        self,
        mut waiting: Vec<Appending<'_>>,
    ) -> Vec<Result<composable_rust_core::Appended, AppendError>> {
        // Polled once, an append is in the queue.
        for append in &mut waiting {
            assert!(futures::poll!(append).is_pending());
        }
        let (answers, ()) = future::join(future::join_all(waiting), self.release()).await;
        answers
    }
}

const STATEMENTS: &str = "SELECT count(DISTINCT transaction_id) FROM events WHERE stream_id NOT LIKE 'test-held%'";

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_commits_are_in_flight_shares_the_next_statement() {
    let database = support::database().await;
    let store = open(&database).await;
    let held = Held::up(&database, &store).await;
    let waiting = (0..50).map(|own| store.append_events(stream(own), ExpectedVersion::NoStream, events([1])));
    let answers = held.release_after(waiting.collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(number(&mut stranger(&database).await, STATEMENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_in_a_group_is_only_that_callers() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, "stale", 0..3).await;
    let held = Held::up(&database, &store).await;
    let mut waiting: Vec<Appending<'_>> = vec![
        store.append_events(stream("stale"), ExpectedVersion::NoStream, events([10])),
        store.append_events(stream("stale"), ExpectedVersion::Any, events([0])),
        store.append_events(stream("stale"), Version::from(3).into(), events([11, 12])),
    ];
    waiting.extend((0..9).map(|own| store.append_events(stream(own), ExpectedVersion::Any, events([1]))));
    let mut answers = held.release_after(waiting).await;
    let others = answers.split_off(3);
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    assert!(matches!(answers[1], Err(AppendError::DuplicateId { id, .. }) if id == event(0).id));
    assert!(answers[2].is_ok());
    assert_eq!(actual(answers.swap_remove(0)), 3);
    assert_eq!(ids(&store, "stale").await, [0, 1, 2, 11, 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_one_stream_in_a_group_see_each_other() {
    let database = support::database().await;
    let store = open(&database).await;
    let held = Held::up(&database, &store).await;
    let expectations = [
        ExpectedVersion::NoStream,
        ExpectedVersion::Any,
        ExpectedVersion::Exact(Version::from(2)),
    ];
    let waiting = (1..)
        .zip(expectations)
        .map(|(id, expected)| store.append_events(stream(1), expected, events([id])));
    let stale = store.append_events(stream(1), ExpectedVersion::NoStream, events([9]));
    let mut answers = held.release_after(waiting.chain([stale]).collect()).await;
    assert_eq!(actual(answers.pop().unwrap()), 3);
    let versions: Vec<u64> = answers
        .into_iter()
        .map(|answer| answer.unwrap().version.get())
        .collect();
    assert_eq!(versions, [1, 2, 3]);
    assert_eq!(number(&mut stranger(&database).await, STATEMENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_and_the_same_command_twice_are_told_apart_while_they_wait() {
    let database = support::database().await;
    let store = open(&database).await;
    let held = Held::up(&database, &store).await;
    let waiting: Vec<Appending<'_>> = vec![
        store.append_events(stream(1), ExpectedVersion::Any, events([1])),
        store.append_events(stream(1), ExpectedVersion::Any, events([1])),
        store.append_events(stream(2), ExpectedVersion::Any, command(5, events([2]))),
        store.append_events(stream(2), ExpectedVersion::Any, command(5, events([3]))),
        store.append_events(stream(3), ExpectedVersion::NoStream, events([4])),
        store.append_events(stream(3), ExpectedVersion::NoStream, events([4])),
    ];
    let answers = held.release_after(waiting).await;
    let [one, same_id, two, same_command, three, again] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert!(one.is_ok());
    assert!(matches!(same_id, Err(AppendError::DuplicateId { .. })));
    let two = two.as_ref().unwrap();
    assert!(matches!(same_command, Err(AppendError::DuplicateCommand { first, .. }) if first == two));
    assert_eq!(three.as_ref().unwrap().as_repeated(), *again.as_ref().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_gone_harms_nobody() {
    let database = support::database().await;
    let store = open(&database).await;
    let held = Held::up(&database, &store).await;
    let mut gone = store.append_events(stream("gone"), ExpectedVersion::Any, events(0..2));
    assert!(futures::poll!(&mut gone).is_pending());
    let stays = store.append_events(stream("stays"), ExpectedVersion::Any, events([1]));
    let waiting: Vec<Appending<'_>> = vec![stays];
    drop(gone);
    let answers = held.release_after(waiting).await;
    assert!(answers[0].is_ok());
    append(&store, "gone", 10..11).await;
    let found = ids(&store, "gone").await;
    assert!(found == [10] || found == [0, 1, 10], "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_dropped_in_the_middle_is_there_as_a_whole() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let mut dropped = store.append_events(stream(1), ExpectedVersion::NoStream, events(0..3));
    assert!(futures::poll!(&mut dropped).is_pending());
    until_blocked(&database, 1).await;
    drop(dropped);
    gate.open().await;
    append(&store, 1, 10..11).await;
    assert_eq!(ids(&store, 1).await, [0, 1, 2, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_of_one_caller_harms_no_other() {
    let database = support::database().await;
    let store = open(&database).await;
    support::execute(&database, "ALTER TABLE events ADD CHECK (stream_id <> 'test-hated')").await;
    let held = Held::up(&database, &store).await;
    let own = ["hated", "liked-1", "liked-2"];
    let waiting = own.map(|own| store.append_events(stream(own), ExpectedVersion::Any, events([1])));
    let answers = held.release_after(waiting.into()).await;
    assert!(matches!(answers[0], Err(AppendError::Backend(_))), "{answers:?}");
    assert!(answers[1].is_ok() && answers[2].is_ok(), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_none_of_ours_refuses_one_caller_and_no_other() {
    let database = support::database().await;
    let store = open(&database).await;
    support::execute(
        &database,
        "CREATE UNIQUE INDEX one_of_each ON events (event_data) WHERE stream_id LIKE 'test-u%'",
    )
    .await;
    append(&store, "u1", 1..2).await;
    let held = Held::up(&database, &store).await;
    let waiting: Vec<Appending<'_>> = vec![
        store.append_events(stream("u2"), ExpectedVersion::Any, events([1])),
        store.append_events(stream("other"), ExpectedVersion::Any, events([1])),
    ];
    let answers = held.release_after(waiting).await;
    assert!(matches!(answers[0], Err(AppendError::Backend(_))), "{answers:?}");
    assert!(answers[1].is_ok(), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_waits_for_its_streams_and_is_all_or_nothing_beside_groups() {
    let database = support::database().await;
    let store = open(&database).await;
    let held = Held::up(&database, &store).await;
    let mut first = store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
    assert!(futures::poll!(&mut first).is_pending());
    let entry = |own: u32, expected: ExpectedVersion, id| StreamAppend::new(stream(own), expected, events([id]));
    let mut good = store.append_batch(vec![
        entry(1, Version::from(1).into(), 2),
        entry(2, ExpectedVersion::NoStream, 3),
    ]);
    assert!(futures::poll!(&mut good).is_pending());
    let mut stale = store.append_batch(vec![
        entry(3, ExpectedVersion::NoStream, 4),
        entry(1, Version::from(1).into(), 5),
    ]);
    assert!(futures::poll!(&mut stale).is_pending());
    let (first, good, stale, ()) = future::join4(first, good, stale, held.release()).await;
    first.unwrap();
    good.unwrap();
    assert_eq!(actual(stale), 2);
    assert_eq!((ids(&store, 1).await, ids(&store, 3).await), (vec![1, 2], vec![]));
}

#[test]
fn callers_of_two_runtimes_need_each_other_for_nothing() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (one, other) = (runtime(), runtime());
    let database = one.block_on(support::database());
    let store = one.block_on(open(&database));
    one.block_on(append(&store, 1, 0..1));
    // Nobody drives `one` now.
    let second = other.block_on(open(&database));
    other.block_on(append(&second, 1, 1..2));
    one.block_on(append(&store, 1, 2..3));
    assert_eq!(other.block_on(ids(&second, 1)), [0, 1, 2]);
    other.block_on(second.close());
    one.block_on(store.close());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_somebody_else_holds_up_holds_up_no_other() {
    let database = support::database().await;
    let store = open(&database).await;
    let mut other = stranger(&database).await;
    other.execute("BEGIN").await.unwrap();
    insert(&mut other, &stream("held"), 1, 1).await;
    let mut held = store.append_events(stream("held"), ExpectedVersion::Any, events([2]));
    assert!(futures::poll!(&mut held).is_pending());
    until_blocked(&database, 1).await;
    // With the other one in flight, and nobody else to come.
    append(&store, "free", 0..1).await;
    other.execute("COMMIT").await.unwrap();
    assert_eq!(held.await.unwrap().version, Version::from(2));
}
