//! Snapshots: one for each stream. The group-commit task saves and deletes them, between two groups of appends.

use composable_rust_core::{Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use sqlx::{Executor, Row, sqlite::SqliteRow};

use crate::{errors, readers::Readers, statements};

/// Loads the snapshot of a stream.
pub(crate) async fn load(readers: &Readers, stream_id: StreamId) -> Result<Option<Snapshot>, SnapshotError> {
    let query = sqlx::query(statements::LOAD_SNAPSHOT).bind(String::from(stream_id));
    let rows = readers.run(|connection| connection.fetch_all(query)).await;
    let rows = rows.map_err(|error| errors::of_snapshot(error, readers.path()))?;
    let snapshot = rows.first().map(|first| assemble(first, &rows)).transpose();
    snapshot.map_err(|error| errors::of_snapshot(error, readers.path()))
}

fn assemble(first: &SqliteRow, rows: &[SqliteRow]) -> Result<Snapshot, sqlx::Error> {
    let version = Version::try_from(first.try_get::<i64, _>(0)?);
    let mut data: Vec<u8> = first.try_get(2)?;
    let parts: i64 = first.try_get(3)?;
    if parts > 0 {
        for row in rows {
            // NULL where there is no part at all.
            let part: Option<&[u8]> = row.try_get(4)?;
            data.extend(part.ok_or_else(missing_part)?);
        }
        if i64::try_from(rows.len()) != Ok(parts) {
            return Err(missing_part());
        }
    }
    Ok(Snapshot {
        version: version.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        schema: first.try_get(1)?,
        data,
    })
}

fn missing_part() -> sqlx::Error {
    sqlx::Error::Decode("a part of the snapshot is missing: the file is damaged".into())
}

/// Refuses what is too large before anything is sent.
pub(crate) const fn check_size(snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let bytes = snapshot.data.len();
    if bytes > Snapshot::MAX_BYTES {
        return Err(SnapshotError::TooLarge { bytes });
    }
    Ok(())
}

pub(crate) const fn outcome(is_stored: bool) -> SnapshotOutcome {
    if is_stored {
        SnapshotOutcome::Stored
    } else {
        SnapshotOutcome::Declined
    }
}
