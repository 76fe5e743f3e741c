//! What `docs/event-sourcing.md` says about metadata in SQL is so, on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helper functions of tests")]

mod counter;
mod guide;

use std::sync::Arc;

use composable_rust::{EventId, IdGenerator, PostgresEventStore, SqliteEventStore, SystemIds};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

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
        let text = |column: usize| $row.get::<Option<String>, _>(column);
        let version = $row.get::<i64, _>(1).to_string();
        vec![text(0), Some(version), text(2), text(3), text(4), text(5)]
    }};
}

#[tokio::test]
async fn what_belongs_to_a_request_is_found_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::open(&path).await.unwrap();
    let correlation_id = SystemIds.uuid();
    let first = counter::request(Arc::new(store.clone()), correlation_id).await;
    store.close().await;

    let mut file = SqliteConnection::connect(&path.to_string_lossy()).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(query("sqlite")))
        .bind(correlation_id.to_string())
        .fetch_all(&mut file)
        .await
        .unwrap();
    assert_eq!(answered(rows.iter().map(|row| cells!(row)), first), answer());
}

#[tokio::test]
async fn what_belongs_to_a_request_is_found_on_a_server() {
    let database = TestDatabase::empty().await;
    PostgresEventStore::migrate(database.url()).await.unwrap();
    let store = PostgresEventStore::connect(database.url()).await.unwrap();
    let correlation_id = SystemIds.uuid();
    let first = counter::request(Arc::new(store.clone()), correlation_id).await;
    store.close().await;

    let mut server = PgConnection::connect(database.url()).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(query("postgres")))
        .bind(correlation_id.to_string())
        .fetch_all(&mut server)
        .await
        .unwrap();
    assert_eq!(answered(rows.iter().map(|row| cells!(row)), first), answer());
}
