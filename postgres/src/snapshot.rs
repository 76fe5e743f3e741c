//! Snapshots: one a stream, replaced by newer ones.

use std::sync::Arc;

use composable_rust_core::{Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use sqlx::{Executor, Row, postgres::PgRow};

use crate::{errors, pool::Pool, statements};

/// Saves a snapshot. The statement may run twice: saving the same one again changes nothing.
pub(crate) async fn save(
    pool: &Arc<Pool>,
    stream_id: StreamId,
    snapshot: Snapshot,
) -> Result<SnapshotOutcome, SnapshotError> {
    let bytes = snapshot.data.len();
    if bytes > Snapshot::MAX_BYTES {
        return Err(SnapshotError::TooLarge { bytes });
    }
    let snapshot = Arc::new((String::from(stream_id), snapshot));
    let saving = pool.run(move |connection| {
        let snapshot = Arc::clone(&snapshot);
        Box::pin(async move {
            let (stream_id, snapshot) = &*snapshot;
            let query = sqlx::query(statements::SAVE_SNAPSHOT)
                .bind(stream_id)
                .bind(snapshot.version.as_i64())
                .bind(&*snapshot.data)
                .bind(i64::from(snapshot.schema));
            connection.connection()?.execute(query).await
        })
    });
    let saved = saving.await.map_err(errors::of_snapshot)?;
    Ok(if saved.rows_affected() > 0 {
        SnapshotOutcome::Stored
    } else {
        SnapshotOutcome::Declined
    })
}

/// Loads the snapshot of a stream, if there is one.
pub(crate) async fn load(pool: &Arc<Pool>, stream_id: StreamId) -> Result<Option<Snapshot>, SnapshotError> {
    let stream_id = String::from(stream_id);
    let loading = pool.run(move |connection| {
        let query = sqlx::query(statements::LOAD_SNAPSHOT).bind(stream_id.clone());
        Box::pin(async move { connection.connection()?.fetch_optional(query).await })
    });
    let row = loading.await.map_err(errors::of_snapshot)?;
    row.as_ref().map(decode).transpose().map_err(errors::of_snapshot)
}

/// Deletes the snapshot of a stream, if there is one.
pub(crate) async fn delete(pool: &Arc<Pool>, stream_id: StreamId) -> Result<(), SnapshotError> {
    let stream_id = String::from(stream_id);
    let deleting = pool.run(move |connection| {
        let query = sqlx::query(statements::DELETE_SNAPSHOT).bind(stream_id.clone());
        Box::pin(async move { connection.connection()?.execute(query).await })
    });
    deleting.await.map(drop).map_err(errors::of_snapshot)
}

fn decode(row: &PgRow) -> Result<Snapshot, sqlx::Error> {
    let invalid = |error| sqlx::Error::Decode(error);
    Ok(Snapshot {
        version: Version::try_from(row.try_get::<i64, _>(0)?).map_err(|error| invalid(error.into()))?,
        schema: u32::try_from(row.try_get::<i64, _>(1)?).map_err(|error| invalid(error.into()))?,
        data: row.try_get(2)?,
    })
}
