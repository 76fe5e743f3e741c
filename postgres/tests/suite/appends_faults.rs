//! Failures of the server in the middle of appends.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend};
use composable_rust_postgres_fixture::TestDatabase;
use futures::future;
use sqlx::Executor;

use crate::{
    strangers::{Gate, number, until_blocked},
    support::{self, actual, append, events, ids, open, stranger, stream},
};

/// Makes the next appends fail with a code, so many of them.
async fn inject(database: &TestDatabase, code: &str, times: u32) {
    let script = format!(
        "CREATE SEQUENCE injected;
         CREATE FUNCTION inject() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('injected') <= {times} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER inject BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION inject();"
    );
    let mut connection = stranger(database).await;
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(script)))
        .await
        .unwrap();
}

async fn appends_get_through(database: &TestDatabase) {
    let store = open(database).await;
    let batch = vec![
        StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([1])),
        StreamAppend::check(stream(2), ExpectedVersion::NoStream),
    ];
    store.append_batch(batch).await.unwrap();
    append(&store, 1, 2..4).await;
    assert_eq!(ids(&store, 1).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlocks_and_serialization_failures_are_run_again() {
    for code in ["40P01", "40001"] {
        let database = support::database().await;
        inject(&database, code, 5).await;
        appends_get_through(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_serializes_is_unavailable_in_the_end() {
    let database = support::database().await;
    inject(&database, "40001", 1_000_000).await;
    let store = open(&database).await;
    let answer = store.append_events(stream(1), ExpectedVersion::Any, events([1])).await;
    assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{answer:?}");
    assert!(ids(&store, 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_or_finds_no_room_wrote_nothing() {
    for code in ["57014", "53100", "55P03", "25006"] {
        let database = support::database().await;
        inject(&database, code, 1).await;
        let store = open(&database).await;
        let append = || store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
        let answer = append().await;
        assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{code}: {answer:?}");
        append().await.unwrap();
    }
}

/// Ends the sessions that are held at the gate.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                          WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_in_the_middle_is_settled_for_all_who_shared_it() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let mut appends: Vec<_> = (0..5)
        .map(|own| store.append_events(stream(own), ExpectedVersion::Any, events([1])))
        .collect();
    for append in &mut appends {
        assert!(futures::poll!(append).is_pending());
    }
    until_blocked(&database, 1).await;
    let terminated = async {
        assert!(number(&mut stranger(&database).await, TERMINATE).await >= 1);
        // Looked up, not found, and run again.
        until_blocked(&database, 1).await;
        gate.open().await;
    };
    let (answers, ()) = future::join(future::join_all(appends), terminated).await;
    for (own, answer) in answers.into_iter().enumerate() {
        answer.unwrap();
        assert_eq!(ids(&store, own).await, [1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_again_and_again_leaves_the_outcome_unknown() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let append = || store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
    let terminated = async {
        for _ in 0..2 {
            until_blocked(&database, 1).await;
            number(&mut stranger(&database).await, TERMINATE).await;
        }
    };
    let (answer, ()) = future::join(append(), terminated).await;
    assert!(matches!(answer, Err(AppendError::OutcomeUnknown(_))), "{answer:?}");
    gate.open().await;
    append().await.unwrap();
    assert_eq!(ids(&store, 1).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_before_the_commit_of_a_batch_wrote_nothing() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, 2, 0..1).await;
    let gate = Gate::closed(&database).await;
    let batch = || {
        vec![
            StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([1])),
            StreamAppend::check(stream(2), ExpectedVersion::StreamExists),
        ]
    };
    let terminated = async {
        until_blocked(&database, 1).await;
        assert_eq!(number(&mut stranger(&database).await, TERMINATE).await, 1);
    };
    let (answer, ()) = future::join(store.append_batch(batch()), terminated).await;
    assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{answer:?}");
    gate.open().await;
    store.append_batch(batch()).await.unwrap();
    let stale = vec![
        StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([2])),
        StreamAppend::check(stream(2), ExpectedVersion::StreamExists),
    ];
    assert_eq!(actual(store.append_batch(stale).await), 1);
}

#[test]
fn a_runtime_that_ends_in_the_middle_tells_those_who_wait() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (stays, ends) = (runtime(), runtime());
    let database = stays.block_on(support::database());
    let gate = stays.block_on(Gate::closed(&database));
    let appends = ends.block_on(async {
        let store = open(&database).await;
        let append = |id| {
            let store = store.clone();
            Box::pin(async move { store.append_events(stream(1), ExpectedVersion::Any, events([id])).await })
        };
        let (mut sent, mut waits) = (append(1), append(2));
        assert!(futures::poll!(&mut sent).is_pending());
        until_blocked(&database, 1).await;
        // It waits for the first one: they write to one stream.
        assert!(futures::poll!(&mut waits).is_pending());
        [sent, waits]
    });
    ends.shutdown_background();
    let answers = stays.block_on(future::join_all(appends));
    let [sent, waited] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert!(matches!(sent, Err(AppendError::OutcomeUnknown(_))), "{sent:?}");
    assert!(matches!(waited, Err(AppendError::Unavailable(_))), "{waited:?}");
    stays.block_on(gate.open());
}
