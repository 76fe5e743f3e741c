//! The contract of event stores, on a real server, plain and partitioned.

use std::sync::Arc;

use composable_rust_core::{EventLog, RecordedEvent};
use composable_rust_postgres_fixture::TestDatabase;
use composable_rust_testing::{
    conformance::{Fixture, Tampering},
    event_log_conformance, event_store_conformance, snapshot_conformance,
};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::{acknowledged::AcknowledgedStore, support};

/// A store in a database of its own, and the database for those who tamper with it.
struct OnServer {
    store: AcknowledgedStore,
    database: TestDatabase,
}

impl OnServer {
    async fn plain() -> Self {
        Self::on(support::database().await).await
    }

    async fn partitioned() -> Self {
        Self::on(support::partitioned_database().await).await
    }

    async fn on(database: TestDatabase) -> Self {
        Self {
            store: AcknowledgedStore::new(support::open(&database).await),
            database,
        }
    }
}

impl Fixture for OnServer {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.store.clone())
    }

    fn tamper<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Vec<Tampering>> {
        Box::pin(async move {
            let mut connection = support::stranger(&self.database).await;
            let table = table_of(&mut connection, event).await;
            let mut attempts = Vec::new();
            let attempts_on = [attempts_on("events", event), attempts_on(&table, event)].concat();
            for attempt in attempts_on.into_iter().flat_map(in_both_roles) {
                attempts.push(tampering(&mut connection, attempt).await);
            }
            attempts
        })
    }

    fn break_reads(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            let mut connection = support::stranger(&self.database).await;
            connection.execute("ALTER TABLE events RENAME TO gone").await.is_ok()
        })
    }

    fn close(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.store.close().await;
            true
        })
    }
}

/// Where an event really lies: in a partition, if there are any.
async fn table_of(connection: &mut PgConnection, event: &RecordedEvent) -> String {
    let table = "SELECT tableoid::regclass::text FROM events WHERE stream_id = $1 AND event_id = $2";
    let table = sqlx::query_scalar(table)
        .bind(event.stream_id.as_str())
        .bind(event.id.as_uuid());
    table.fetch_one(connection).await.unwrap()
}

async fn tampering(connection: &mut PgConnection, attempt: String) -> Tampering {
    let answer = connection.execute(sqlx::raw_sql(AssertSqlSafe(attempt.clone()))).await;
    Tampering::new(attempt, &answer)
}

/// As an ordinary session, and as one that applies what a publisher has sent, for which most triggers keep still.
fn in_both_roles(attempt: String) -> [String; 2] {
    let as_replica = format!("SET LOCAL session_replication_role = replica; {attempt}");
    [attempt, as_replica]
}

/// Every way to change rows that SQL knows.
fn attempts_on(table: &str, event: &RecordedEvent) -> Vec<String> {
    let here = format!(
        "stream_id = '{}' AND version = {}",
        event.stream_id.as_str().replace('\'', "''"),
        event.version
    );
    let other = "event_data = '\\x00'";
    let again = format!(
        "INSERT INTO {table} (stream_id, version, event_id, event_type, encoding, event_data) \
         SELECT stream_id, version, event_id, event_type, encoding, event_data FROM {table} WHERE {here}"
    );
    let merge = format!("MERGE INTO {table} AS target USING (VALUES (1)) AS one ON {here} WHEN MATCHED THEN");
    vec![
        format!("UPDATE {table} SET {other} WHERE {here}"),
        format!("UPDATE {table} SET version = version + 1000 WHERE {here}"),
        format!("DELETE FROM {table} WHERE {here}"),
        format!("DELETE FROM {table}"),
        format!("TRUNCATE {table}"),
        format!("WITH gone AS (DELETE FROM {table} RETURNING *) SELECT * FROM gone"),
        again.clone(),
        format!("{again} ON CONFLICT (stream_id, version) DO UPDATE SET {other}"),
        format!("{merge} UPDATE SET {other}"),
        format!("{merge} DELETE"),
    ]
}

mod plain {
    use super::*;

    event_store_conformance!(OnServer::plain());
    event_log_conformance!(OnServer::plain());
    snapshot_conformance!(OnServer::plain());
}

mod partitioned {
    use super::*;

    event_store_conformance!(OnServer::partitioned());
    event_log_conformance!(OnServer::partitioned());
    snapshot_conformance!(OnServer::partitioned());
}
