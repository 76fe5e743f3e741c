//! Snapshots: one a stream, replaced by newer ones.

use std::sync::Arc;

use composable_rust_core::{Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use sqlx::{Executor, Row};

use crate::{connection::Connections, errors, statements};

pub(crate) async fn save(
    connections: &Arc<Connections>,
    stream_id: StreamId,
    snapshot: Snapshot,
) -> Result<SnapshotOutcome, SnapshotError> {
    let bytes = snapshot.data.len();
    if bytes > Snapshot::MAX_BYTES {
        return Err(SnapshotError::TooLarge { bytes });
    }
    let changed = try_save(connections, stream_id, snapshot).await;
    Ok(if changed.map_err(errors::of_snapshot)? {
        SnapshotOutcome::Stored
    } else {
        SnapshotOutcome::Declined
    })
}

async fn try_save(
    connections: &Arc<Connections>,
    stream_id: StreamId,
    snapshot: Snapshot,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(statements::SAVE_SNAPSHOT)
        .bind(String::from(stream_id))
        .bind(snapshot.version.as_i64())
        .bind(snapshot.data)
        .bind(i64::from(snapshot.schema));
    let saving = connections.run(|lease| Box::pin(async move { lease.connection()?.execute(query).await }));
    Ok(saving.await?.rows_affected() > 0)
}

pub(crate) async fn load(
    connections: &Arc<Connections>,
    stream_id: StreamId,
) -> Result<Option<Snapshot>, SnapshotError> {
    try_load(connections, stream_id).await.map_err(errors::of_snapshot)
}

async fn try_load(connections: &Arc<Connections>, stream_id: StreamId) -> Result<Option<Snapshot>, sqlx::Error> {
    let query = sqlx::query(statements::LOAD_SNAPSHOT).bind(String::from(stream_id));
    let loading = connections.run(|lease| Box::pin(async move { lease.connection()?.fetch_optional(query).await }));
    let Some(row) = loading.await? else {
        return Ok(None);
    };
    let invalid = |error| sqlx::Error::Decode(error);
    Ok(Some(Snapshot {
        version: Version::try_from(row.try_get::<i64, _>(0)?).map_err(|error| invalid(error.into()))?,
        schema: u32::try_from(row.try_get::<i64, _>(1)?).map_err(|error| invalid(error.into()))?,
        data: row.try_get(2)?,
    }))
}

pub(crate) async fn delete(connections: &Arc<Connections>, stream_id: StreamId) -> Result<(), SnapshotError> {
    let query = sqlx::query(statements::DELETE_SNAPSHOT).bind(String::from(stream_id));
    let deleting = connections.run(|lease| Box::pin(async move { lease.connection()?.execute(query).await }));
    deleting.await.map(drop).map_err(errors::of_snapshot)
}
