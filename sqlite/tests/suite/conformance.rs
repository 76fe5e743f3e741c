//! The contract of event stores, on a file and in memory.

use std::{path::PathBuf, sync::Arc};

use composable_rust_core::{EventLog, RecordedEvent};
use composable_rust_sqlite::SqliteEventStore;
use composable_rust_testing::{
    conformance::{Fixture, Tampering},
    event_log_conformance, event_store_conformance, snapshot_conformance,
};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};

/// A store in a file, and the file for those who tamper with it.
struct OnDisk {
    store: SqliteEventStore,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl OnDisk {
    async fn fresh() -> Self {
        let directory = crate::support::directory();
        let path = directory.path().join("events.db");
        Self {
            store: crate::support::open(&path).await,
            path,
            _directory: directory,
        }
    }
}

const COLUMNS: &str = "stream_id, event_id, event_type, encoding, event_data, metadata, command_id, command_events, \
                       recorded_at";

impl Fixture for OnDisk {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.store.clone())
    }

    fn tamper<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Vec<Tampering>> {
        Box::pin(async move {
            let mut connection = crate::support::stranger(&self.path).await;
            let [_, _, position] = event.position.parts();
            let mut attempts = Vec::new();
            for attempt in attempts_on(position, event.version.get()) {
                attempts.push(tampering(&mut connection, attempt).await);
            }
            attempts
        })
    }

    fn break_reads(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            let mut connection = crate::support::stranger(&self.path).await;
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

async fn tampering(connection: &mut SqliteConnection, attempt: String) -> Tampering {
    let answer = connection.execute(AssertSqlSafe(attempt.clone())).await;
    Tampering::new(attempt, &answer)
}

/// Every way round the rules that SQL knows.
fn attempts_on(position: u64, version: u64) -> Vec<String> {
    let here = format!("FROM events WHERE position = {position}");
    let insert = |verb: &str, position: &str, version: &str, columns: &str| {
        format!("{verb} INTO events (position, version, {COLUMNS}) SELECT {position}, {version}, {columns} {here}")
    };
    let next = "(SELECT max(position) + 1 FROM events)";
    let next_version = "(SELECT max(version) + 1 FROM events AS other WHERE other.stream_id = events.stream_id)";
    let new_id = COLUMNS.replace("event_id", "randomblob(16)");
    let (same, gap) = (version.to_string(), format!("{next_version} + 1"));
    vec![
        format!("UPDATE events SET event_data = x'00' WHERE position = {position}"),
        format!("UPDATE OR REPLACE events SET version = version + 1 WHERE position = {position}"),
        format!("UPDATE OR IGNORE events SET position = position + 1000000 WHERE position = {position}"),
        format!("DELETE {here}"),
        "DELETE FROM events".to_owned(),
        insert("INSERT OR REPLACE", &position.to_string(), &same, COLUMNS),
        insert("REPLACE", &position.to_string(), next_version, &new_id),
        insert("INSERT OR REPLACE", next, &same, &new_id),
        insert("INSERT OR REPLACE", next, next_version, COLUMNS),
        insert("INSERT", next, &gap, &new_id),
        insert("INSERT", next, "0", &new_id),
        insert("INSERT", "NULL", next_version, &new_id),
        insert("INSERT", &format!("{next} + 1"), next_version, &new_id),
        insert("INSERT", "-5", next_version, &new_id),
    ]
}

mod on_disk {
    use super::*;

    event_store_conformance!(OnDisk::fresh());
    event_log_conformance!(OnDisk::fresh());
    snapshot_conformance!(OnDisk::fresh());
}

mod in_memory {
    use super::*;

    async fn store() -> SqliteEventStore {
        crate::support::opened(SqliteEventStore::in_memory().await)
    }

    event_store_conformance!(store());
    event_log_conformance!(store());
    snapshot_conformance!(store());
}
