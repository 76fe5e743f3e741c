//! What `docs/event-sourcing.md` says about metadata in SQL is so, on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helper functions of tests")]

mod counter;
mod guide;
mod stored;

use std::sync::Arc;

use composable_rust::{EventId, IdGenerator, PostgresEventStore, SqliteEventStore, SystemIds};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use counter::TRACE;
use guide::{answer, query};

fn answered(rows: impl IntoIterator<Item = Vec<Option<String>>>, first: EventId) -> Vec<Vec<String>> {
    let shown = |cell: Option<String>| cell.unwrap_or_default().replace(&first.to_string(), "…");
    rows.into_iter()
        .map(|row| row.into_iter().map(shown).collect())
        .collect()
}

/// The columns of a row as text, whatever the database.
macro_rules! cells {
    ($row:expr) => {{
        let cell = |column: usize| match column {
            1 => Some($row.get::<i64, _>(column).to_string()),
            _ => $row.get::<Option<String>, _>(column),
        };
        (0..$row.len()).map(cell).collect()
    }};
}

/// Asks for what belongs to a request, and for what belongs to a trace.
macro_rules! assert_answered {
    ($database:literal, $connection:expr, $correlation_id:expr, $first:expr) => {
        for (of, bound) in [("request", $correlation_id.to_string()), ("trace", TRACE.to_owned())] {
            let query = sqlx::query(AssertSqlSafe(query(of, $database))).bind(bound);
            let rows = query.fetch_all(&mut $connection).await.unwrap();
            assert_eq!(answered(rows.iter().map(|row| cells!(row)), $first), answer(of));
        }
    };
}

#[tokio::test]
async fn what_belongs_together_is_found_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::open(&path).await.unwrap();
    let correlation_id = SystemIds.uuid();
    let first = counter::request(Arc::new(store.clone()), correlation_id).await;
    store.close().await;

    let mut file = SqliteConnection::connect(&path.to_string_lossy()).await.unwrap();
    assert_answered!("sqlite", file, correlation_id, first);
}

#[tokio::test]
async fn what_belongs_together_is_found_on_a_server() {
    let database = TestDatabase::empty().await;
    PostgresEventStore::migrate(database.url()).await.unwrap();
    let store = PostgresEventStore::connect(database.url()).await.unwrap();
    let correlation_id = SystemIds.uuid();
    let first = counter::request(Arc::new(store.clone()), correlation_id).await;
    store.close().await;

    let mut server = PgConnection::connect(database.url()).await.unwrap();
    assert_answered!("postgres", server, correlation_id, first);
}
