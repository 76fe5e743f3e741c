//! Snapshots: one a stream, replaced by newer ones.

use std::{sync::Arc, time::SystemTime};

use composable_rust_core::{Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use sqlx::{Executor, Row};

use crate::{connection::Connections, errors, row, statements};

pub(crate) async fn save(
    writer: &Arc<Connections>,
    stream_id: StreamId,
    snapshot: Snapshot,
) -> Result<SnapshotOutcome, SnapshotError> {
    let bytes = snapshot.data.len();
    if bytes > Snapshot::MAX_BYTES {
        return Err(SnapshotError::TooLarge { bytes });
    }
    let changed = try_save(writer, stream_id, snapshot)
        .await
        .map_err(errors::of_snapshot)?;
    Ok(if changed {
        SnapshotOutcome::Stored
    } else {
        SnapshotOutcome::Declined
    })
}

async fn try_save(writer: &Arc<Connections>, stream_id: StreamId, snapshot: Snapshot) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(statements::SAVE_SNAPSHOT)
        .bind(String::from(stream_id))
        .bind(snapshot.version.as_i64())
        .bind(snapshot.data)
        .bind(snapshot.schema)
        .bind(row::micros(SystemTime::now()));
    let done = writer.run(|connection| connection.execute(query)).await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn load(readers: &Arc<Connections>, stream_id: StreamId) -> Result<Option<Snapshot>, SnapshotError> {
    try_load(readers, stream_id).await.map_err(errors::of_snapshot)
}

async fn try_load(readers: &Arc<Connections>, stream_id: StreamId) -> Result<Option<Snapshot>, sqlx::Error> {
    let query = sqlx::query(statements::LOAD_SNAPSHOT).bind(String::from(stream_id));
    let Some(row) = readers.run(|connection| connection.fetch_optional(query)).await? else {
        return Ok(None);
    };
    let version = Version::try_from(row.try_get::<i64, _>(0)?);
    Ok(Some(Snapshot {
        version: version.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        schema: row.try_get(1)?,
        data: row.try_get(2)?,
    }))
}

pub(crate) async fn delete(writer: &Arc<Connections>, stream_id: StreamId) -> Result<(), SnapshotError> {
    let query = sqlx::query(statements::DELETE_SNAPSHOT).bind(String::from(stream_id));
    let deleted = writer.run(|connection| connection.execute(query)).await;
    deleted.map(drop).map_err(errors::of_snapshot)
}
