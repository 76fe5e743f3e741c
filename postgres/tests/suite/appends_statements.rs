//! How many statements an append takes, and what becomes of it when the database does something else than to store it.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::TestDatabase;
use futures::future;

use crate::{
    round_trips::RoundTrips,
    strangers::{Gate, number, until_blocked},
    support::{self, actual, append, command, events, execute, ids, open, stranger, stream, try_execute},
};

async fn counted(database: &TestDatabase) -> (PostgresEventStore, RoundTrips) {
    let (trips, url) = RoundTrips::to(database.url()).await;
    let quiet = PostgresEventStore::options().notifications(false).max_connections(1);
    let store = quiet.connect(&url).await.unwrap();
    // Each statement is prepared once.
    append(&store, 0, 1..2).await;
    append(&store, 0, 2..4).await;
    store.append_batch(vec![entry(8, 5), entry(9, 5)]).await.unwrap();
    assert_eq!(actual(store.append(entry(0, 9)).await), 3);
    (store, trips)
}

fn entry(own: u32, id: u128) -> StreamAppend {
    StreamAppend::new(stream(own), ExpectedVersion::NoStream, events([id]))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_takes_one_round_trip_and_a_conflict_two() {
    let database = support::database().await;
    let (store, trips) = counted(&database).await;
    for ids in [events([10]), events(11..15)] {
        let (answer, count) = trips
            .of(store.append_events(stream(1), ExpectedVersion::Any, ids))
            .await;
        answer.unwrap();
        assert_eq!(count, 1);
    }
    let (answer, count) = trips.of(store.append_batch(vec![entry(2, 1), entry(3, 1)])).await;
    answer.unwrap();
    assert_eq!(count, 1, "a batch too");
    for ids in [events([20]), events(21..25)] {
        let (answer, count) = trips
            .of(store.append_events(stream(1), ExpectedVersion::NoStream, ids))
            .await;
        assert_eq!((actual(answer), count), (5, 2));
    }
    let (answer, count) = trips.of(store.append_batch(vec![entry(2, 2), entry(4, 2)])).await;
    assert_eq!((actual(answer), count), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_repetition_takes_a_third_round_trip() {
    let database = support::database().await;
    let (store, trips) = counted(&database).await;
    let first = store.append(entry(1, 10)).await.unwrap();
    // The statement that compares is prepared.
    store.append(entry(1, 10)).await.unwrap();
    let (again, count) = trips.of(store.append(entry(1, 10))).await;
    assert_eq!((again.unwrap(), count), (first.as_repeated(), 3));
    let taken = store.append_events(stream(1), ExpectedVersion::Any, events([10]));
    let (taken, count) = trips.of(taken).await;
    assert!(matches!(taken, Err(AppendError::DuplicateId { .. })), "{taken:?}");
    assert_eq!(count, 2);
    let of_command = |id| store.append_events(stream(2), ExpectedVersion::Any, command(7, events([id])));
    of_command(20).await.unwrap();
    let (known, count) = trips.of(of_command(21)).await;
    assert!(matches!(known, Err(AppendError::DuplicateCommand { .. })), "{known:?}");
    assert_eq!(count, 2);
}

/// Counts the statements that insert, also those that are refused: a sequence is never rolled back.
const COUNT_STATEMENTS: &str = "
    CREATE SEQUENCE statements;
    CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('statements'); RETURN NULL; END $$;
    CREATE TRIGGER count_statement BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION count_statement();";

#[tokio::test(flavor = "multi_thread")]
async fn one_append_of_a_thousand_that_is_refused_costs_twenty_statements_and_no_other_append() {
    const APPENDS: u32 = 1024;
    let database = support::database().await;
    let store = open(&database).await;
    let refused = "ALTER TABLE events ADD CHECK (stream_id <> 'test-700')";
    execute(&database, format!("{COUNT_STATEMENTS} {refused}")).await;
    let gate = Gate::closed(&database).await;
    let mut first = store.append_events(stream("first"), ExpectedVersion::Any, events([1]));
    assert!(futures::poll!(&mut first).is_pending());
    until_blocked(&database, 1).await;
    let mut crowd: Vec<_> = (0..APPENDS).map(|own| store.append(entry(own, 1))).collect();
    // The first 64 of them pass the gate's prisoner by; with it, the others wait.
    for append in &mut crowd {
        assert!(futures::poll!(append).is_pending());
    }
    let (_, answers, ()) = future::join3(first, future::join_all(crowd), gate.open()).await;
    for (own, answer) in answers.iter().enumerate() {
        let is_right = if own == 700 {
            matches!(answer, Err(AppendError::Backend(_)))
        } else {
            answer.is_ok()
        };
        assert!(is_right, "{own}: {answer:?}");
    }
    let mut connection = stranger(&database).await;
    assert_eq!(
        number(&mut connection, "SELECT count(*) FROM events").await,
        i64::from(APPENDS)
    );
    let statements = number(&mut connection, "SELECT last_value FROM statements").await;
    assert!(statements <= 2 * 10 + 8, "{statements} statements");
}

/// A trigger of the database's owner that drops the rows for which a condition holds.
fn dropping(condition: &str) -> String {
    format!(
        "CREATE FUNCTION drop_rows() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF {condition} THEN RETURN NULL; END IF; RETURN NEW; END $$;
         CREATE TRIGGER drop_rows BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION drop_rows();"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_of_which_a_trigger_drops_rows_is_refused_as_a_whole() {
    for condition in ["NEW.version = 2", "NEW.version = 3", "NEW.version = 1", "true"] {
        let database = support::database().await;
        let store = open(&database).await;
        execute(
            &database,
            dropping(&format!("NEW.stream_id <> 'test-0' AND {condition}")),
        )
        .await;
        let three = |own: u32| StreamAppend::new(stream(own), ExpectedVersion::NoStream, events(1..4));
        let one = store.append(three(1)).await;
        assert!(matches!(one, Err(AppendError::Backend(_))), "{condition}: {one:?}");
        let batch = store.append_batch(vec![three(0), three(1)]).await;
        assert!(matches!(batch, Err(AppendError::Backend(_))), "{condition}: {batch:?}");
        let checked = vec![three(1), StreamAppend::check(stream(0), ExpectedVersion::NoStream)];
        let batch = store.append_batch(checked).await;
        assert!(matches!(batch, Err(AppendError::Backend(_))), "{condition}: {batch:?}");
        for own in [0, 1] {
            assert!(ids(&store, own).await.is_empty(), "{condition}");
        }
        store.append(three(0)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_event_that_a_trigger_drops_is_refused() {
    let database = support::database().await;
    let store = open(&database).await;
    execute(&database, dropping("true")).await;
    let answer = store.append(entry(1, 1)).await;
    assert!(matches!(answer, Err(AppendError::Backend(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replication_can_not_fill_the_log() {
    for database in [support::database().await, support::partitioned_database().await] {
        append(&open(&database).await, 1, 0..1).await;
        let copy = "SET session_replication_role = replica;
                    INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, transaction_id, position)
                    VALUES ('test-2', 1, gen_random_uuid(), 'Copied.v1', 1, '', '3', 1)";
        let refused = try_execute(&database, copy).await.unwrap_err();
        let refused = refused.as_database_error().unwrap();
        assert_eq!(refused.code().as_deref(), Some("23001"), "{refused}");
        execute(&database, copy.replace("role = replica", "role = origin")).await;
    }
}

/// What `pg_restore --clean` does under a running store.
const REPLACE_TABLE: &str = "
    CREATE TABLE copied (LIKE events INCLUDING ALL);
    INSERT INTO copied SELECT * FROM events;
    ALTER TABLE events RENAME TO old_events;
    ALTER TABLE copied RENAME TO events;
    ALTER TABLE events ADD COLUMN note TEXT;";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_replaced_under_a_running_store_is_appended_to() {
    let database = support::database().await;
    let store = PostgresEventStore::options()
        .max_connections(1)
        .connect(database.url())
        .await
        .unwrap();
    let append_all = async |round: u32| {
        let ids = 10 * u128::from(round);
        store.append(entry(10 * round, ids)).await.unwrap();
        let several = StreamAppend::new(stream(10 * round + 1), ExpectedVersion::NoStream, events(ids..ids + 3));
        store.append(several).await.unwrap();
        let batch = vec![
            entry(10 * round + 2, ids),
            StreamAppend::check(stream(10 * round), Version::from(1)),
        ];
        store.append_batch(batch).await.unwrap();
        let refused = store.append(entry(10 * round, ids + 5)).await;
        assert_eq!(actual(refused), 1);
    };
    append_all(1).await;
    execute(&database, REPLACE_TABLE).await;
    append_all(2).await;
    append_all(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_as_many_checks_as_are_allowed_fits_a_default_server() {
    let database = support::database().await;
    let store = open(&database).await;
    let checks = (1..1000).map(|own| StreamAppend::check(stream(own), ExpectedVersion::NoStream));
    let batch = checks.chain([entry(0, 1)]).collect();
    assert_eq!(store.append_batch(batch).await.unwrap().len(), 1000);
}
